/** What a scan says of nodes that have rows: moved, edited, gone. */
import type { RecordId } from '@pileus/core/ids/ids'
import type { Attributes, Content } from '@pileus/core/records/record'
import { NO_REFS, type Refs } from '@pileus/core/records/refs'
import type { View } from '@pileus/core/tree/view'
import type { Stat } from '../files/files.ts'
import type { Moved } from '../folder/scan.ts'
import { samenessOf } from '../replica/forest.ts'
import { putMeta, tables } from '../replica/tables.ts'
import type { StoreWriter } from '../store/store.ts'
import { nameChunksRead, storedAgain } from './chunks-read.ts'
import { type DriveContext, labelNow, type SyncOptions } from './context.ts'
import { guardDeletions, neededAgain } from './guard.ts'
import { localEdit } from './local-edit.ts'
import type { NewNodes } from './new-nodes.ts'
import { attributesOf } from './rows.ts'
import type { TextMerge } from './settle.ts'

export class KnownNodes {
  readonly #context: DriveContext
  readonly #nodes: NewNodes

  /** `nodes` knows the folders that appeared in the same scan. */
  constructor(context: DriveContext, nodes: NewNodes) {
    this.#context = context
    this.#nodes = nodes
  }

  /** A rename or move, of this node and of every record that is one thing with it (R4). */
  moved(tx: StoreWriter, { id, parent, name, stat }: Moved): void {
    const { replica } = this.#context
    const to = this.#nodes.idOf(parent)
    const view = replica.freshView(tx)
    const located = view.locate(id)
    // Already where the records want it: the rename was this program's, and the crash came before the row.
    const asWanted = located.status === 'shown' && located.parent === to && located.name === name
    if (!asWanted) {
      for (const alias of this.#oneWith(tx, view, id)) {
        this.#keepTurnedOut(tx, alias)
        this.#place(tx, alias, to, name)
      }
    }
    const row = tables.disk.get(tx, id)!
    // A file's signature waits for its content to be looked at.
    const signature = row.kind === 'folder' ? stat.signature : row.signature
    replica.putDisk(tx, id, { ...row, parent: to, name, identity: stat.identity, signature })
    replica.touch(tx, id)
  }

  /**
   * The records that this one thing on the disk stands for (R4). A namesake with a row of its own came to the name
   * in this very scan: it is another thing.
   */
  #oneWith(tx: StoreWriter, view: View, id: RecordId): RecordId[] {
    return view.aliases(id).filter((alias) => alias === id || !tables.disk.get(tx, alias))
  }

  /**
   * A folder that was moved into this one, while this one was moved into it, stands where the cycle put it (R3). With this
   * one placed anew its own place would hold again: it is told that it stays where the person sees it.
   */
  #keepTurnedOut(tx: StoreWriter, id: RecordId): void {
    const { replica } = this.#context
    const parentOf = (at: RecordId) => replica.effective(tx, at)?.body.place.parent
    for (const [key, to] of [...tables.redirect.entries(tx)]) {
      const out = key as RecordId
      const passed = new Set<RecordId>()
      for (let at = parentOf(out); at && !passed.has(at); at = parentOf(at)) passed.add(at)
      if (out === id || !passed.has(out) || !passed.has(id)) continue
      this.#place(tx, out, to as RecordId, replica.effective(tx, out)!.body.place.name)
    }
  }

  #place(tx: StoreWriter, id: RecordId, parent: RecordId, name: string): void {
    localEdit(this.#context, tx, id, (body) => ({
      ...body,
      // Who moves a folder that was deleted elsewhere, and shows for what is in it, wants it.
      deleted: false,
      conflictOf: null,
      place: {
        parent,
        name,
        former: parent === body.place.parent ? body.place.former : body.place.parent,
        stamp: this.#context.replica.nextStamp(tx),
        ...labelNow(this.#context),
      },
    }))
  }

  /** Applies a local edit; where a file had aliases, they are let go: it is one file from now on (R4). */
  edited(
    tx: StoreWriter,
    id: RecordId,
    attributes: Attributes,
    change: { content: Content; refs: Refs } | null,
    text: TextMerge | null = null,
  ): void {
    const row = tables.disk.get(tx, id)!
    const twins =
      change && samenessOf(change.content) !== row.sameness
        ? this.#oneWith(tx, this.#context.replica.freshView(tx), id)
        : []
    localEdit(
      this.#context,
      tx,
      id,
      (body) => {
        if (!change) return { ...body, attributes }
        const same = body.content && samenessOf(body.content) === samenessOf(change.content)
        // A conflict copy that a person edits is a file like any other.
        return same
          ? { ...body, content: storedAgain(body.content, change.content), attributes }
          : { ...body, content: change.content, attributes, conflictOf: null }
      },
      change?.refs,
      text,
    )
    if (change) nameChunksRead(this.#context.replica, tx, id, change.content, change.refs)
    for (const twin of twins) if (twin !== id) this.#delete(tx, twin)
  }

  /** The row now tells of the disk as it is. */
  seen(tx: StoreWriter, id: RecordId, stat: Stat, sameness: string): void {
    const row = tables.disk.get(tx, id)!
    this.#context.replica.putDisk(tx, id, {
      ...row,
      sameness,
      attributes: attributesOf(stat),
      size: stat.size,
      identity: stat.identity,
      signature: stat.signature,
    })
  }

  /**
   * Deletes what is gone from the disk, as far as the guard lets it (R11); returns how many deletions wait for the
   * person.
   */
  goneForGood(gone: readonly RecordId[], wish: SyncOptions['heldDeletions'] = 'hold'): number {
    const { replica } = this.#context
    const view = replica.view(replica.store)
    const shown = gone.filter((id) => view.locate(id).status === 'shown')
    const verdict = guardDeletions(replica, shown, wish)
    const needed = verdict === 'hold' ? neededAgain(replica, shown) : new Set<RecordId>()
    const deletions = shown.filter((id) => !needed.has(id))
    replica.transaction('durable', (tx) => {
      putMeta(tx, 'unconfirmed', undefined)
      for (const [id] of [...tables.held.entries(tx)]) tables.held.delete(tx, id)
      const deleted = new Set(deletions)
      for (const id of gone) {
        // A folder that became one with another is no deletion; its row stays while what was in it is held.
        const holds = verdict === 'hold' && !needed.has(id) && this.#hasHeld(tx, id)
        if (holds || (deleted.has(id) && verdict === 'hold')) tables.held.put(tx, id, '')
        else {
          if (deleted.has(id) && verdict === 'delete')
            for (const alias of this.#oneWith(tx, replica.freshView(tx), id)) this.#delete(tx, alias)
          replica.putDisk(tx, id, null)
          replica.touch(tx, id)
        }
      }
    })
    return tables.held.count(replica.store)
  }

  #hasHeld(tx: StoreWriter, folder: RecordId): boolean {
    const children = this.#context.replica.diskChildren(tx, folder)
    return [...children].some((child) => tables.held.get(tx, child) !== undefined)
  }

  #delete(tx: StoreWriter, id: RecordId): void {
    localEdit(
      this.#context,
      tx,
      id,
      (body) => ({ ...body, deleted: true, content: null, conflictOf: null }),
      NO_REFS,
    )
  }
}
