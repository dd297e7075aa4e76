/** Files in memory, on a disk that can lose power, fill up, stop at any call, and vanish. */
import { type Area, FileError, type Files, type Location } from './files.ts'
import { Crash, MemoryArea, type Simulation } from './memory-area.ts'
import { type Entry, type FolderNode, MemoryDisk, type Node, type Survival } from './memory-disk.ts'

export interface MemoryFilesOptions {
  /** Milliseconds since 1970. */
  readonly clock: () => number
  readonly caseInsensitive?: boolean
  /** So that files of two disks are told apart, as by the moment of their making. */
  readonly firstInode?: number
  /** Called after each change: what a program that looks at the disk in that moment would see. */
  readonly observe?: (change: { readonly operation: string; readonly at: readonly Location[] }) => void
}

export interface MemoryFiles extends Files {
  /**
   * The process is gone and starts anew; 'all' is a killed process, anything else a loss of power, after which
   * what was not synced is gone ('none') or partly there (a coin, 0 ≤ coin < 1). Undoes failAfter.
   */
  crash(survival: Survival): void
  /** Throws Crash at the n-th changing call from now (1: the next) and at every call after it. */
  failAfter(calls: number): void
  /** While true, calls that need room throw FileError 'full'. */
  full: boolean
  /** While true, the folder is not there, as when its disk is not mounted. */
  unmounted: boolean
  /** Paths of the folder that this user may not open or list. */
  readonly denied: Set<string>
  /** Changing calls so far. */
  readonly changes: number
  /** What a person's programs do: not counted, never stopped, durable at once. */
  asPerson<T>(work: () => T): T
  /** Writes a file of the folder in place, as most programs do: the same inode with other content. */
  overwrite(path: string, content: Uint8Array): void
  /** A file of the folder as a program has it that keeps it open: the same one, wherever it is moved. */
  open(path: string): OpenFile
}

export interface OpenFile {
  read(): Uint8Array
  append(content: Uint8Array): void
}

const HOPS_MAX = 40

/** An empty folder and an empty working area on one simulated disk. */
export function memoryFiles(options: MemoryFilesOptions): MemoryFiles {
  return new SimulatedFiles(options)
}

class SimulatedFiles implements MemoryFiles, Simulation {
  readonly #options: MemoryFilesOptions
  readonly #disk: MemoryDisk
  readonly #tops: Readonly<Record<Location['area'], FolderNode>>
  readonly folder: Area
  readonly work: Area
  readonly denied = new Set<string>()
  full = false
  unmounted = false
  changes = 0
  /** Handles opened before a crash are dead. */
  life = 0
  #callsLeft = Number.POSITIVE_INFINITY
  #person = false

  constructor(options: MemoryFilesOptions) {
    this.#options = options
    this.#disk = new MemoryDisk(options.firstInode)
    this.#tops = { folder: this.#disk.folder(this.now()), work: this.#disk.folder(this.now()) }
    this.folder = new MemoryArea(this, 'folder')
    this.work = new MemoryArea(this, 'work')
  }

  get disk(): MemoryDisk {
    return this.#disk
  }

  now(): number {
    return Math.floor(this.#options.clock() * 1000)
  }

  fold(name: string): string {
    return this.#options.caseInsensitive ? name.normalize('NFC').toLowerCase() : name
  }

  caseInsensitive(): boolean {
    return this.#options.caseInsensitive ?? false
  }

  freeBytes(): number {
    return this.full ? 0 : 1e12
  }

  failAfter(calls: number): void {
    this.#callsLeft = calls
  }

  crash(survival: Survival): void {
    this.#callsLeft = Number.POSITIVE_INFINITY
    this.life += 1
    if (survival !== 'all') this.#disk.lose(Object.values(this.#tops), survival)
  }

  asPerson<T>(work: () => T): T {
    const before = this.#person
    this.#person = true
    try {
      return work()
    } finally {
      this.#person = before
    }
  }

  /** Runs one changing call: the place where crashes, fullness and observers come in. */
  change<T>(
    operation: string,
    at: readonly Location[],
    needsRoom: boolean,
    act: () => T,
    made?: () => Node[],
  ): T {
    if (!this.#person) {
      if (this.#callsLeft <= 1) {
        this.#callsLeft = 0
        throw new Crash(operation)
      }
      this.#callsLeft -= 1
      this.changes += 1
    }
    if (needsRoom && this.full) throw new FileError('full', operation, at[0]!.path)
    const result = act()
    if (this.#person && made) this.#disk.sync(made())
    this.#options.observe?.({ operation, at })
    return result
  }

  overwrite(path: string, content: Uint8Array): void {
    const at: Location = { area: 'folder', path }
    const { folder, key } = this.parent(at, 'write')
    const node = folder.entries.get(key)?.node
    if (node?.type !== 'file') throw new FileError(node ? 'not-file' : 'not-found', 'write', path)
    const write = (): void => {
      node.content = content.slice()
      node.mtime = this.now()
      node.changed = this.#disk.tick()
    }
    this.change('write', [at], true, write, () => [node])
  }

  open(path: string): OpenFile {
    const at: Location = { area: 'folder', path }
    const { folder, key } = this.parent(at, 'open')
    const node = folder.entries.get(key)?.node
    if (node?.type !== 'file') throw new FileError(node ? 'not-file' : 'not-found', 'open', path)
    const append = (content: Uint8Array): void => {
      node.content = new Uint8Array([...node.content, ...content])
      node.mtime = this.now()
      node.changed = this.#disk.tick()
    }
    return {
      read: () => node.content.slice(),
      append: (content) =>
        this.change(
          'write',
          [at],
          true,
          () => append(content),
          () => [node],
        ),
    }
  }

  sync(locations: readonly Location[]): void {
    this.change('make durable', locations, false, () => {
      this.#disk.sync(locations.map((location) => this.node(location)).filter((node) => node !== null))
    })
  }

  async syncTogether(locations: readonly Location[]): Promise<void> {
    this.sync(locations)
  }

  transfer(mode: 'link' | 'rename', from: Location, to: Location): void {
    const action = mode === 'link' ? 'link' : 'move'
    this.change(
      action,
      [from, to],
      mode === 'link',
      () => this.#transfer(mode, from, to),
      () => [this.parent(from, action).folder, this.parent(to, action).folder],
    )
  }

  #transfer(mode: 'link' | 'rename', from: Location, to: Location): void {
    const source = this.parent(from, mode)
    const target = this.parent(to, mode)
    const moved = source.folder.entries.get(source.key)
    const there = target.folder.entries.get(target.key)
    if (!moved) throw new FileError('not-found', mode, from.path)
    const entry: Entry = { name: target.name, node: moved.node }
    if (mode === 'link') {
      if (there) throw new FileError('exists', mode, to.path)
      if (moved.node.type === 'folder') throw new FileError('denied', mode, from.path)
      this.#disk.apply([{ folder: target.folder, key: target.key, entry }])
      return
    }
    const isFolder = moved.node.type === 'folder'
    if (there && there.node !== moved.node) {
      if (there.node.type === 'folder') throw new FileError('is-directory', mode, to.path)
      if (isFolder) throw new FileError('not-directory', mode, to.path)
    }
    if (
      isFolder &&
      from.area === to.area &&
      `${to.path}/`.startsWith(`${from.path}/`) &&
      to.path !== from.path
    ) {
      throw new FileError('io', mode, to.path)
    }
    const now = this.now()
    source.folder.mtime = now
    target.folder.mtime = now
    this.#disk.apply(
      [
        { folder: source.folder, key: source.key, entry: null },
        { folder: target.folder, key: target.key, entry },
      ],
      isFolder && source.folder !== target.folder,
    )
  }

  /** What is at a place; null when nothing. Follows links on the way, never at the end. */
  node(location: Location, hops = 0): Node | null {
    let node: Node | null = this.top(location)
    let walked = ''
    for (const name of parts(location.path)) {
      if (node?.type === 'link') node = this.#follow(location.area, walked, node.target, hops)
      if (node?.type !== 'folder') return null
      node = node.entries.get(this.fold(name))?.node ?? null
      walked = walked === '' ? name : `${walked}/${name}`
    }
    return node
  }

  #follow(area: Location['area'], at: string, target: string, hops: number): Node | null {
    const path = parts(at).slice(0, -1)
    if (hops > HOPS_MAX || target.startsWith('/')) return null
    for (const part of target.split('/')) {
      if (part === '..' && path.length === 0) return null
      if (part === '..') path.pop()
      else if (part !== '.' && part !== '') path.push(part)
    }
    const node = this.node({ area, path: path.join('/') }, hops + 1)
    return node?.type === 'link' ? this.#follow(area, path.join('/'), node.target, hops + 1) : node
  }

  top(location: Location): FolderNode | null {
    return location.area === 'folder' && this.unmounted ? null : this.#tops[location.area]
  }

  /** The folder a place lies in, reached through no link, and its name there. */
  parent(location: Location, action: string): { folder: FolderNode; name: string; key: string } {
    const names = parts(location.path)
    const name = names.pop()
    if (name === undefined) throw new FileError('denied', action, location.path)
    let folder: Node | undefined = this.top(location) ?? undefined
    for (const step of names) {
      folder = folder?.type === 'folder' ? folder.entries.get(this.fold(step))?.node : folder
      if (folder && folder.type !== 'folder') throw new FileError('not-directory', action, location.path)
    }
    if (folder?.type !== 'folder') throw new FileError('not-found', action, location.path)
    if (new TextEncoder().encode(name).length > 255)
      throw new FileError('name-too-long', action, location.path)
    return { folder, name, key: this.fold(name) }
  }
}

function parts(path: string): string[] {
  return path === '' ? [] : path.split('/')
}
