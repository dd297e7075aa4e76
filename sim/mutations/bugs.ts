/**
 * Bugs that are planted to see whether the simulator finds them: each a small change of a source, made while it is
 * loaded, and never on the disk. A simulator that does not find one is too weak.
 */
import type { Replacement } from '../src/stand-ins/loading.ts'

export interface Bug {
  readonly name: string
  /** What promise it breaks. */
  readonly why: string
  readonly replacements: readonly Replacement[]
  /** It must be found in so many seeds from the first. */
  readonly within: number
}

const bug = (name: string, why: string, within: number, file: string, find: string, put: string): Bug => ({
  name,
  why,
  within,
  replacements: [{ file, find, put }],
})

const DRIVE = 'client/src/drive'

/** All of them must be found. */
export const BUGS: readonly Bug[] = [
  bug(
    'no-fsync',
    'a downloaded file is renamed into place before its content is durable',
    400,
    'client/src/folder/apply-files.ts',
    `    await files.syncTogether(actions.map(({ id }) => ({ area: 'work', path: stagingPath(id) })))\n`,
    '',
  ),
  bug(
    'commit-before-rename',
    'the database says that a file is in its place before that is durable',
    400,
    'client/src/folder/disk-work.ts',
    'this.context.files.sync([...this.#changed.values()])',
    '',
  ),
  bug(
    'mtime-decides',
    'of two versions made apart the one with the later time wins, and the other is gone',
    60,
    `${DRIVE}/pull.ts`,
    'switch (compareVectors(version.vector, pending.vector)) {',
    `switch (version.body.attributes.mtime > pending.body.attributes.mtime ? 'after' : 'before') {`,
  ),
  bug(
    'vector-entry-dropped',
    'a new version forgets what other devices wrote before',
    60,
    'client/src/replica/replica.ts',
    'const vector = nextVector(seen, this.writer, own)',
    'const vector = nextVector(NO_VERSION, this.writer, Math.max(own, seen[this.writer] ?? 0))',
  ),
  bug(
    'changed-epoch-ignored',
    'after a device was removed, records are sealed under the old key still',
    400,
    `${DRIVE}/zone.ts`,
    'return open.epoch',
    'return 1',
  ),
  bug(
    'outbox-lost',
    'what is pending is gone when a process begins anew',
    200,
    'client/src/replica/replica.ts',
    'this.writer = getMeta(',
    "this.store.transaction('durable', (tx) => [...tables.outbox.entries(tx)].map(([id]) => tables.outbox.delete(tx, id)))\n    this.writer = getMeta(",
  ),
  bug(
    'sweep-without-grace',
    'the server forgets replaced versions at once, not after 30 days',
    200,
    'server/src/rules/upkeep.ts',
    'const replacedBefore = clock() - HISTORY_DAYS * DAY_MS',
    'const replacedBefore = clock() - 0 * HISTORY_DAYS * DAY_MS',
  ),
  bug(
    'chunk-list-truncated',
    'a list that needs a second node loses what it held before',
    200,
    'core/src/content/list.ts',
    'for (const earlier of [...held, entry])',
    'for (const earlier of [...held.slice(1), entry])',
  ),
  // That such a record is refused changes nothing that can be seen: the device reads the zone, and finds it there.
  bug(
    'duplicate-push',
    'what was accepted in a batch whose answer was lost is committed a second time when another batch brings it again',
    600,
    'server/src/rules/decide.ts',
    `if (known.leaf === leaf) return { kind: 'repeat', sequence: known.sequence }`,
    `if (known.leaf === leaf) return { kind: 'new' }`,
  ),
  bug(
    'repeat-not-told',
    'a batch that arrives twice is judged anew instead of being answered as before',
    200,
    'server/src/rules/push.ts',
    'if (before) return repeat(environment, batch, before)',
    `if (before) throw new Problem('batch-reused', 'it was pushed before')`,
  ),
  bug(
    'cursor-before-rows',
    'the cursor moves on in a commit of its own before the records are kept',
    400,
    `${DRIVE}/pull.ts`,
    '  const inPlace = records.filter(',
    `  replica.transaction('durable', (tx) => putMeta(tx, 'cursor', page.cursor))\n  const inPlace = records.filter(`,
  ),
  bug(
    'no-conflict-copy',
    'of two clashing contents one is dropped',
    60,
    `${DRIVE}/settle.ts`,
    'if (!replica.effective(tx, copyId)) {',
    'if (false as boolean) {',
  ),
  // A random id instead changes nothing that can be seen: a copy is durable before it is told, and read back before its conflict
  // could be settled again; only a database that was lost meets the same conflict twice.
  bug(
    'one-copy-only',
    'a second conflict of one file makes no copy, because the first has one',
    200,
    `${DRIVE}/settle.ts`,
    'conflictCopyId(context.crypto, id, conflictOf(base, lost.body, winner))',
    'conflictCopyId(context.crypto, id, conflictOf(base, lost.body, winner).slice(0, 0))',
  ),
  bug(
    'guard-ignored',
    'the deletion of nearly everything is told to all devices at once',
    200,
    `${DRIVE}/guard.ts`,
    'if (!many && !most && !waits) return',
    'if (!many || !most || !waits) return',
  ),
  bug(
    'tombstone-dropped',
    'a deletion is not told, so what a person deleted comes back',
    30,
    `${DRIVE}/known-nodes.ts`,
    `if (deleted.has(id) && verdict === 'delete')`,
    `if (deleted.has(id) && verdict === 'undo')`,
  ),
  bug(
    'deletion-beats-edit',
    'a deletion wins against an edit that its deleter never saw',
    60,
    'core/src/merge/merge.ts',
    'return edited ? { ...alive, place }',
    'return edited && base === null ? { ...alive, place }',
  ),
  bug(
    'stale-marker',
    'a folder that is not there is looked at as if it were empty',
    400,
    'client/src/folder/marker.ts',
    'if (found === null) throw new FolderLost(`the folder',
    'if (found === null) return\n  if (found === null) throw new FolderLost(`the folder',
  ),
  bug(
    'acknowledged-before-durable',
    'the server says that it has a record before it has',
    200,
    'server/src/rules/push.ts',
    `if ((await engines.zones.commit(commit)) === 'moved') return undefined`,
    `engines.zones.commit(commit).catch(() => {})`,
  ),
  bug(
    'pack-not-stored',
    'the server indexes a pack before its bytes are durable',
    400,
    'server/src/packs/upload.ts',
    'await blobs.put({ zone, object: pack }, checked())',
    'const written: Uint8Array[] = []\n  for await (const piece of checked()) written.push(new Uint8Array(piece))\n  void blobs.put({ zone, object: pack }, (async function* () { yield* written })())',
  ),
  bug(
    'announcement-is-all',
    'what is announced is taken for all that happened',
    200,
    `${DRIVE}/pull.ts`,
    'if (!news || !samePlace(cursor, news.after)) return null',
    'if (!news) return null',
  ),
  bug(
    'alone-always',
    'after a push the cursor jumps to the head, past what others wrote',
    60,
    `${DRIVE}/push.ts`,
    'pushed.alone = isNext && head.setHash === replica.setDigest(tx)',
    'pushed.alone = head.incarnation === cursor?.incarnation && head.sequence >= cursor.sequence + accepted',
  ),
  bug(
    'displaced-not-kept',
    'a file that is replaced is not looked at again, and let go at once',
    400,
    'client/src/folder/stash.ts',
    'if (stat && quiet) files.work.removeFile(path)',
    'if (stat && (quiet || stashed)) files.work.removeFile(path)',
  ),
  bug(
    'disk-not-looked-at',
    'a file is replaced although it is not what the last scan saw',
    200,
    'client/src/folder/place.ts',
    `: stat.signature === row.signature)`,
    `: stat.type === row.kind)`,
  ),
  bug(
    'read-while-written',
    'a file that changes while it is read is taken for whole',
    400,
    'client/src/transfer/sealing/cutting.ts',
    'if (this.#reader.stat().signature === signature && now?.signature === signature) {',
    'if (this.#hash !== null || now?.signature === signature) {',
  ),
  bug(
    'writer-used-twice',
    'two machines with one image of a device go on counting as one',
    600,
    `${DRIVE}/pull.ts`,
    'if (knowsMoreOfUs(context, tx, version, leaf)) replica.takeNewWriter(tx)',
    'void knowsMoreOfUs',
  ),
  bug(
    'lost-not-given-back',
    'what a restored server lost is not pushed again',
    600,
    `${DRIVE}/pull.ts`,
    'if (tables.seen.get(tx, id) === undefined) context.replica.pushAgain(tx, id as RecordId)',
    'if (tables.seen.get(tx, id) === undefined) tables.seen.delete(tx, id)',
  ),
  bug(
    'merge-takes-ours',
    'a merge of two texts keeps the lines of one',
    200,
    `${DRIVE}/text-merge.ts`,
    'for (const line of part.ok) merged.push(line)',
    'for (const line of part.ok) if (ours.includes(line)) merged.push(line)',
  ),
  bug(
    'plain-names',
    'names that differ only in how they are composed are taken for two',
    200,
    'core/src/tree/names.ts',
    `const composed = name.normalize('NFC')`,
    `const composed = name`,
  ),
  bug(
    'cycle-kept',
    'two folders that were each moved into the other are left hanging in one another',
    600,
    'core/src/tree/redirects.ts',
    'if (this.latestInCycle(id)?.id !== id) return null',
    'if (this.latestInCycle(id)?.id !== id || node.place.former !== null) return null',
  ),
]

/** Throws RangeError for a name that no bug has. */
export function plantedBug(name: string): Bug {
  const found = BUGS.find((one) => one.name === name)
  if (!found)
    throw new RangeError(
      `there is no planted bug ${JSON.stringify(name)}: ${BUGS.map((one) => one.name).join(', ')}`,
    )
  return found
}
