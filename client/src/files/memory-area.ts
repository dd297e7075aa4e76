/** Areas of a simulated disk: what each call checks and does. */
import {
  type Area,
  FileError,
  type FileErrorCode,
  type FileReader,
  type FileWriter,
  type Location,
  type Stat,
} from './files.ts'
import type { FileNode, FolderNode, MemoryDisk, Node } from './memory-disk.ts'

/** The process ended at this call, which did nothing. */
export class Crash extends Error {
  constructor(operation: string) {
    super(`the simulated process ended before it could ${operation}`)
    this.name = 'Crash'
  }
}

/** What the areas of one simulation share. */
export interface Simulation {
  readonly disk: MemoryDisk
  readonly denied: ReadonlySet<string>
  /** Goes up at each crash: handles opened before are dead. */
  readonly life: number
  now(): number
  top(location: Location): FolderNode | null
  node(location: Location): Node | null
  parent(location: Location, action: string): { folder: FolderNode; name: string; key: string }
  change<T>(
    operation: string,
    at: readonly Location[],
    needsRoom: boolean,
    act: () => T,
    made: () => Node[],
  ): T
}

/** One area of a simulated disk: the rules of each call, over the inodes of `memory-disk.ts`. */
export class MemoryArea implements Area {
  readonly #files: Simulation
  readonly #area: Location['area']
  constructor(files: Simulation, area: Location['area']) {
    this.#files = files
    this.#area = area
  }

  stat(path: string): Stat | null {
    const node = this.#files.node(this.#at(path))
    return node === null ? null : statOf(node)
  }

  list(path: string): { names: string[]; undecodable: string[] } {
    const node = path === '' ? this.#files.top(this.#at(path)) : this.#existing(path, 'list')
    if (node === null) throw new FileError('not-found', 'list', path)
    if (node.type !== 'folder') throw new FileError('not-directory', 'list', path)
    this.#permit(path, 'list')
    return { names: [...node.entries.values()].map((entry) => entry.name), undecodable: [] }
  }

  makeDirectory(path: string): void {
    this.#add('create the folder', path, () => this.#files.disk.folder(this.#files.now()))
  }

  makeLink(path: string, target: string): void {
    this.#add('create the link', path, () => this.#files.disk.link(target, this.#files.now()))
  }

  create(path: string): FileWriter {
    const node = this.#add('create', path, () => this.#files.disk.file(this.#files.now()))
    return memoryWriter(this.#files, node, this.#at(path))
  }

  removeDirectory(path: string): void {
    this.#remove('remove the folder', path, (node) => {
      if (node.type !== 'folder') return 'not-directory'
      return node.entries.size > 0 ? 'not-empty' : null
    })
  }

  removeFile(path: string): void {
    this.#remove('remove', path, (node) => (node.type === 'folder' ? 'is-directory' : null))
  }

  readLink(path: string): string {
    const node = this.#existing(path, 'read the link')
    if (node.type !== 'link') throw new FileError('io', 'read the link', path)
    return node.target
  }

  read(path: string): FileReader {
    const node = this.#existing(path, 'read')
    if (node.type === 'folder') throw new FileError('is-directory', 'read', path)
    if (node.type === 'link') throw new FileError('not-file', 'read', path)
    this.#permit(path, 'read')
    return memoryReader(this.#files, node)
  }

  setModified(path: string, microseconds: number): void {
    this.#attribute('set the time of', path, (node) => {
      node.mtime = microseconds
    })
  }

  setExecutable(path: string, executable: boolean): void {
    this.#attribute('set the mode of', path, (node) => {
      if (node.type !== 'file') throw new FileError('not-file', 'set the mode of', path)
      node.executable = executable
    })
  }

  #at(path: string): Location {
    return { area: this.#area, path }
  }

  #permit(path: string, action: string): void {
    if (this.#area === 'folder' && this.#files.denied.has(path)) throw new FileError('denied', action, path)
  }

  #existing(path: string, action: string): Node {
    const { folder, key } = this.#files.parent(this.#at(path), action)
    const entry = folder.entries.get(key)
    if (!entry) throw new FileError('not-found', action, path)
    return entry.node
  }

  #add<T extends Node>(action: string, path: string, make: () => T): T {
    const at = this.#at(path)
    const add = (): T => {
      const { folder, name, key } = this.#files.parent(at, action)
      if (folder.entries.has(key)) throw new FileError('exists', action, path)
      const node = make()
      folder.mtime = this.#files.now()
      this.#files.disk.apply([{ folder, key, entry: { name, node } }])
      return node
    }
    return this.#files.change(action, [at], true, add, () => [this.#files.parent(at, action).folder])
  }

  #remove(action: string, path: string, refusal: (node: Node) => FileErrorCode | null): void {
    const at = this.#at(path)
    const remove = (): void => {
      const code = refusal(this.#existing(path, action))
      if (code !== null) throw new FileError(code, action, path)
      const { folder, key } = this.#files.parent(at, action)
      folder.mtime = this.#files.now()
      this.#files.disk.apply([{ folder, key, entry: null }])
    }
    this.#files.change(action, [at], false, remove, () => [this.#files.parent(at, action).folder])
  }

  #attribute(action: string, path: string, set: (node: Node) => void): void {
    const at = this.#at(path)
    const find = (): Node => {
      const node = path === '' ? this.#files.top(at) : this.#existing(path, action)
      if (node === null) throw new FileError('not-found', action, path)
      return node
    }
    const change = (): void => {
      const node = find()
      set(node)
      node.changed = this.#files.disk.tick()
    }
    this.#files.change(action, [at], false, change, () => [find()])
  }
}

function memoryReader(files: Simulation, node: FileNode): FileReader {
  const life = files.life
  return {
    stat: () => statOf(node),
    read: (into, position) => {
      if (files.life !== life) throw new Crash('read')
      const part = node.content.subarray(position, position + into.length)
      into.set(part)
      return part.length
    },
    close: () => undefined,
  }
}

function memoryWriter(files: Simulation, node: FileNode, at: Location): FileWriter {
  const life = files.life
  let room = new Uint8Array(0)
  let written = room
  const write = (bytes: Uint8Array): void => {
    if (files.life !== life) throw new Crash('write')
    const before = node.content
    const length = before.length + bytes.length
    // Room to grow, so that long files cost their length; what a content shows of it never changes.
    if (before !== written || length > room.length) {
      room = new Uint8Array(written.length > 0 ? 2 * length : length)
      room.set(before)
    }
    room.set(bytes, before.length)
    written = room.subarray(0, length)
    node.content = written
    node.mtime = files.now()
    node.changed = files.disk.tick()
  }
  const change = (bytes: Uint8Array) =>
    files.change(
      'write',
      [at],
      true,
      () => write(bytes),
      () => [node],
    )
  return {
    write: change,
    close: () => undefined,
  }
}

function statOf(node: Node): Stat {
  return {
    type: node.type,
    size: sizeOf(node),
    mtime: node.mtime,
    executable: node.type === 'file' && node.executable,
    identity: String(node.number),
    signature: `${node.number}:${sizeOf(node)}:${node.mtime}:${node.changed}`,
    links: node.type === 'folder' ? 1 : node.links,
  }
}

function sizeOf(node: Node): number {
  switch (node.type) {
    case 'file':
      return node.content.length
    case 'link':
      return new TextEncoder().encode(node.target).length
    case 'folder':
      return 0
  }
}
