/** Displaced files: kept until their version is in history and they are quiet, then let go (R10). */
import type { Crypto } from '@pileus/core/crypto/crypto'
import type { Files, Stat } from '../files/files.ts'
import type { Replica } from '../replica/replica.ts'
import { tables } from '../replica/tables.ts'
import { hashFile } from '../transfer/ingest.ts'
import { giveBack, locationOf, parentOf, STASH_DIRECTORY, stashedRecord, statAt } from './place.ts'
import { diskPath, joinPath } from './tree-paths.ts'

/**
 * Notes what a run displaced that ended before it could say so. While the row still tells of the displaced file,
 * what it holds is known: it is no edit to give back. What it was about to displace, and did not, is only where it was again.
 * To be called before anything changes the rows.
 */
export function noteStashed(crypto: Crypto, files: Files, replica: Replica): void {
  for (const path of stashedNow(files)) {
    const record = stashedRecord(path)
    const row = record && tables.disk.get(replica.store, record)
    const stat = files.work.stat(path)
    if (stat && dropSecondLink(files, replica, path, stat)) continue
    if (!row || stat?.identity !== row.identity || tables.stash.get(replica.store, path)) continue
    const known =
      stat.type === 'file'
        ? stat.size === row.size && hashFile(crypto, files.work, path)?.hash === row.sameness
        : stat.type === 'link' && `→${files.work.readLink(path)}` === row.sameness
    if (!known) continue
    const { size, mtime } = stat
    replica.transaction('lazy', (tx) =>
      tables.stash.put(tx, path, {
        record,
        path: diskPath(tx, record) ?? row.name,
        size,
        mtime,
        version: row.version,
      }),
    )
  }
}

/**
 * Lets go of what was stashed before this run, if nothing of it is still to be pushed. A file that a program went
 * on writing to after it was displaced is given back under a conflict name. Returns how many were given back.
 */
export function tidyStash(
  files: Files,
  replica: Replica,
  kept: ReadonlySet<string>,
  label: { by: string; day: string },
): number {
  if (tables.outbox.count(replica.store) > 0) return 0
  let givenBack = 0
  const done: string[] = []
  for (const name of files.work.list(STASH_DIRECTORY).names) {
    const path = joinPath(STASH_DIRECTORY, name)
    if (kept.has(path)) continue
    const stat = files.work.stat(path)
    const stashed = tables.stash.get(replica.store, path)
    const quiet = stashed && stat && stat.size === stashed.size && stat.mtime === stashed.mtime
    // A stashed file without a row was displaced in a run that crashed before it could say so.
    if (stat && quiet) files.work.removeFile(path)
    else if (stat && !dropSecondLink(files, replica, path, stat)) {
      giveBack(files, { area: 'work', path }, { area: 'folder', path: stashed?.path ?? name }, label)
      givenBack++
    }
    done.push(path)
  }
  if (done.length === 0) return givenBack
  // First, or what a loss of power brings back would be taken for something nobody knows.
  files.sync([{ area: 'work', path: STASH_DIRECTORY }])
  replica.transaction('lazy', (tx) => {
    for (const path of done) tables.stash.delete(tx, path)
  })
  return givenBack
}

/**
 * Lets go of what the folder has as the very same file: a run that ended while it displaced it, or gave it back, left it in both
 * places. False where the folder has it not.
 */
function dropSecondLink(files: Files, { store }: Replica, path: string, { identity }: Stat): boolean {
  const id = tables.diskIdentity.get(store, identity)
  const location = id && locationOf(store, id)
  if (location?.area !== 'folder' || statAt(files, location)?.identity !== identity) return false
  files.sync([parentOf(location)])
  files.work.removeFile(path)
  return true
}

/** Paths in the stash now: what was displaced before this moment. */
export function stashedNow(files: Files): Set<string> {
  return new Set(files.work.list(STASH_DIRECTORY).names.map((name) => joinPath(STASH_DIRECTORY, name)))
}
