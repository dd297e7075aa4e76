/** Files whose content comes from the server: assembled in the working area, made durable, then put in place. */
import type { RecordId } from '@pileus/core/ids/ids'
import type { Action } from '@pileus/core/plan/plan'
import type { DriveContext, SyncOptions } from '../drive/context.ts'
import type { Location } from '../files/files.ts'
import { samenessOf } from '../replica/forest.ts'
import { tables } from '../replica/tables.ts'
import type { StoreWriter } from '../store/store.ts'
import type { Assembler } from '../transfer/assembling/assembler.ts'
import type { FileContent } from '../transfer/chunks.ts'
import { type Assembly, assembleFiles } from '../transfer/download.ts'
import type { DiskWork } from './disk-work.ts'
import {
  childLocation,
  expectAsRow,
  expectFree,
  locationOf,
  partialPaths,
  stagingPath,
  statAt,
} from './place.ts'

export type FileAction = Extract<Action, { do: 'create' | 'update' }>

/** Dispose of it when all is done. */
export class FileWork implements Disposable {
  /** As they travelled: sealed, padded. */
  bytesReceived = 0
  /** Bytes of content in them. */
  contentReceived = 0
  readonly #context: DriveContext
  readonly #options: SyncOptions
  readonly #work: DiskWork
  #files: FileAction[] = []
  #filesDone = 0
  #filesTotal = 0
  /** Of content: what travels is padded, and what is at hand does not travel. */
  #bytesDone = 0
  #bytesTotal = 0
  readonly #assembler: Assembler

  constructor(work: DiskWork, options: SyncOptions) {
    this.#work = work
    this.#context = work.context
    this.#options = options
    this.#assembler = work.context.openAssembler()
  }

  [Symbol.dispose](): void {
    this.#assembler[Symbol.dispose]()
  }

  get waiting(): number {
    return this.#files.length
  }

  add(action: FileAction): void {
    this.#files.push(action)
    const { replica } = this.#context
    const content = replica.effective(replica.store, action.id)?.body.content
    this.#filesTotal++
    if (content?.type === 'chunks') this.#bytesTotal += content.size
  }

  async run(): Promise<void> {
    // Nothing is fetched for a place that is taken.
    const possible = this.#files.filter((action) => this.#work.check(action, () => this.#expectPlace(action)))
    const actions = new Map(this.#byPlace(possible).map((action) => [action.id, action]))
    this.#files = []
    if (actions.size === 0) return
    const { crypto, files, remote, zone } = this.#context
    const context = {
      assembler: this.#assembler,
      crypto,
      remote,
      zone: zone.zone,
      work: files.work,
      partials: new Set(partialPaths(files)),
      flush: (path: string) => files.syncTogether([{ area: 'work', path }]),
      freeBytes: () => files.freeBytes(),
      signal: this.#options.signal,
      progress: (bytes: number) => {
        this.bytesReceived += bytes
      },
      contentReceived: (bytes: number) => {
        this.contentReceived += bytes
      },
      assembled: (bytes: number) => {
        this.#bytesDone += bytes
        this.#report()
      },
    }
    for await (const results of assembleFiles(context, this.#assemblies(actions.values()))) {
      const whole: FileAction[] = []
      for (const { assembly, failure } of results) {
        const action = actions.get(assembly.label)!
        if (failure === null) whole.push(action)
        else {
          this.#work.problems.push({
            path: this.#work.pathOf(action.id),
            problem: `its content cannot be restored: ${failure}`,
          })
          this.#work.left.add(action.id)
        }
      }
      await this.#placeFiles(whole)
    }
  }

  /**
   * The files of a folder together, by name: so they were taken up on the device they come from, and so their chunks
   * lie in packs. And each folder is made durable for one group or two, not for all.
   */
  #byPlace(actions: readonly FileAction[]): FileAction[] {
    const { store } = this.#context.replica
    const placed = actions.map((action) => {
      const { parent, name } = action.do === 'create' ? action : tables.disk.get(store, action.id)!
      return { action, place: `${parent}/${name}` }
    })
    placed.sort((a, b) => (a.place < b.place ? -1 : 1))
    return placed.map(({ action }) => action)
  }

  *#assemblies(actions: Iterable<FileAction>): Iterable<Assembly<RecordId>> {
    const { replica } = this.#context
    const { store } = replica
    for (const { id } of actions) {
      const body = replica.effective(store, id)!.body
      const content = body.content as FileContent
      const { mtime, executable } = body.attributes
      // A conflict copy is made of what the record it was split from still holds here.
      const near = tables.disk.get(store, id) ? id : body.conflictOf
      const row = near ? tables.disk.get(store, near) : undefined
      const shown = near ? (replica.shownBody(store, near)?.content ?? null) : null
      const location = row?.kind === 'file' && near ? locationOf(store, near) : null
      const usable = location && shown?.type === 'chunks' && shown.hash === row!.sameness
      const earlier = usable
        ? { area: this.#context.files[location.area], path: location.path, content: shown, trusted: true }
        : null
      yield { label: id, path: stagingPath(id), content, mtime, executable, earlier }
    }
  }

  #expectPlace(action: FileAction): void {
    const { files, replica } = this.#context
    const replaced = action.do === 'update' ? action.id : action.over
    if (replaced) {
      const { row, location } = this.#work.node(replica.store, replaced)
      expectAsRow(files, location, row)
    } else if (action.do === 'create')
      expectFree(files, childLocation(this.#work.folder(replica.store, action.parent), action.name))
  }

  /** Makes the assembled files durable as a group, then brings each to its place, then the rows. */
  async #placeFiles(actions: readonly FileAction[]): Promise<void> {
    const { files } = this.#context
    await files.syncTogether(actions.map(({ id }) => ({ area: 'work', path: stagingPath(id) })))
    this.#work.inTransaction((tx) => {
      for (const action of actions) this.#work.attempt(action, () => this.#placeFile(tx, action))
    })
    this.#filesDone += actions.length
    this.#report()
  }

  #placeFile(tx: StoreWriter, action: FileAction): void {
    const { files, replica } = this.#context
    const { body, key } = replica.effective(tx, action.id)!
    const staging: Location = { area: 'work', path: stagingPath(action.id) }
    const row = tables.disk.get(tx, action.id)
    const brought = statAt(files, staging)
    const target =
      action.do === 'update'
        ? this.#work.node(tx, action.id).location
        : childLocation(this.#work.folder(tx, action.parent), action.name)
    const { attributes } = body
    const shown = {
      kind: 'file',
      sameness: samenessOf(body.content),
      attributes,
      version: key,
      size: 0,
      identity: '',
      signature: '',
    } as const
    if (action.do === 'create') {
      if (action.over) {
        this.#work.replace(tx, action.over, staging, target)
        replica.putDisk(tx, action.over, null)
      } else {
        expectFree(files, target)
        this.#work.rename(staging, target)
      }
      const place = { parent: action.parent, name: action.name }
      this.#work.restat(tx, action.id, { ...shown, ...place }, target, brought)
      return
    }
    this.#work.replace(tx, action.id, staging, target)
    const { parent, name } = row!
    this.#work.restat(tx, action.id, { ...shown, parent, name }, target, brought)
  }

  #report(): void {
    this.#options.progress?.({
      phase: 'downloading',
      files: this.#filesDone,
      bytes: this.#bytesDone,
      filesTotal: this.#filesTotal,
      bytesTotal: this.#bytesTotal,
    })
  }
}
