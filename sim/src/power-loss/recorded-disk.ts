/**
 * Stands between a program and Node's file calls, which go on to the real disk, and keeps a journal of what they
 * change below one folder. From any beginning of the journal it makes the disk that a loss of power at that moment would
 * leave: what was not synced is gone, or there in part, by the rules of the simulated disk.
 */
import type * as FileCalls from 'node:fs'
import type * as FilePromises from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { type FileNode, type FolderNode, MemoryDisk, type Survival } from '@pileus/client/files/memory-disk'

type Change =
  | { readonly do: 'folder' | 'remove' | 'sync'; readonly path: string }
  | { readonly do: 'create'; readonly path: string; readonly file: number }
  | { readonly do: 'write'; readonly file: number; readonly at: number; readonly bytes: Uint8Array }
  | { readonly do: 'sync-file'; readonly file: number }
  | { readonly do: 'rename'; readonly from: string; readonly to: string }

/** Calls that change a disk and are not followed: a program that uses them must not pass for durable. */
const UNKNOWN = {
  promises: ['appendFile', 'copyFile', 'cp', 'link', 'rmdir', 'symlink', 'truncate', 'writeFile'],
  sync: [
    'appendFileSync',
    'copyFileSync',
    'linkSync',
    'openSync',
    'renameSync',
    'rmSync',
    'unlinkSync',
    'writeFileSync',
  ],
  handle: ['appendFile', 'truncate', 'writev', 'createWriteStream'],
} as const

export class RecordedDisk {
  #root: string | null = null
  #changes: Change[] = []
  #files = 0

  /** Records what happens below this folder, which is there and empty, from now on. */
  start(root: string): void {
    this.#root = root
    this.#changes = []
  }

  /** How much has happened: what `after` takes. */
  get length(): number {
    return this.#changes.length
  }

  /** The paths and contents of files that a loss of power leaves when it comes after so many changes. */
  after(length: number, survival: Survival): { folders: string[]; files: Map<string, Uint8Array> } {
    const disk = new MemoryDisk()
    const top = disk.folder(0)
    const files = new Map<number, FileNode>()
    for (const change of this.#changes.slice(0, length)) replay(disk, top, files, change)
    disk.lose([top], survival)
    const found = { folders: [] as string[], files: new Map<string, Uint8Array>() }
    collect(top, '', found)
    return found
  }

  /** `node:fs/promises` with this in between. */
  promises(real: typeof FilePromises): typeof FilePromises {
    const { mkdir, open, rename, rm, unlink } = real
    const removed = async (path: string, remove: () => Promise<void>) => {
      const isThere = await real.stat(path).then(
        () => true,
        () => false,
      )
      await remove()
      if (isThere) this.#note({ do: 'remove', path })
    }
    const recorded = {
      ...refusing(real, UNKNOWN.promises, (path) => this.#covers(path)),
      mkdir: async (path: string, options: { readonly recursive?: boolean }) => {
        const made = (await mkdir(path, options)) as string | undefined
        // Only the recursive call tells, and only when it made any.
        const first = options.recursive ? made : path
        if (first !== undefined) this.#madeFolders(first, path)
        return made
      },
      open: async (path: string, flags: string, mode?: number) => {
        const handle = await open(path, flags, mode)
        if (!this.#covers(path)) return handle
        return this.#handle(handle, path, /[wa]/.test(flags))
      },
      rename: async (from: string, to: string) => {
        await rename(from, to)
        this.#note({ do: 'rename', from, to })
      },
      rm: (path: string, options?: object) => removed(path, () => rm(path, options)),
      unlink: (path: string) => removed(path, () => unlink(path)),
    }
    return { ...recorded, default: recorded } as unknown as typeof FilePromises
  }

  /** `node:fs` with this in between. */
  calls(real: typeof FileCalls): typeof FileCalls {
    const recorded = {
      ...refusing(real, UNKNOWN.sync, (path) => this.#covers(path)),
      mkdirSync: (path: string, options: object) => {
        const isThere = real.existsSync(path)
        const made = real.mkdirSync(path, options) as string | undefined
        if (!isThere) this.#madeFolders(made ?? path, path)
        return made
      },
    }
    return { ...recorded, default: recorded } as unknown as typeof FileCalls
  }

  #covers(path: unknown): boolean {
    if (this.#root === null || typeof path !== 'string') return false
    return path === this.#root || path.startsWith(`${this.#root}/`)
  }

  #note(change: Change): void {
    const path = 'path' in change ? change.path : 'from' in change ? change.from : null
    if (path === null || this.#covers(path)) this.#changes.push(this.#relative(change))
  }

  #relative(change: Change): Change {
    const cut = (path: string) => path.slice(this.#root!.length + 1)
    if ('from' in change) return { ...change, from: cut(change.from), to: cut(change.to) }
    return 'path' in change ? { ...change, path: cut(change.path) } : change
  }

  #madeFolders(first: string, last: string): void {
    const made: string[] = []
    for (let path = last; path.length >= first.length; path = dirname(path)) made.unshift(path)
    for (const path of made) this.#note({ do: 'folder', path })
  }

  #handle(handle: FileHandle, path: string, isNew: boolean): FileHandle {
    const file = isNew ? ++this.#files : null
    if (file !== null) this.#note({ do: 'create', path, file })
    let position = 0
    const sync = async (real: () => Promise<void>) => {
      await real()
      this.#note(file === null ? { do: 'sync', path } : { do: 'sync-file', file })
    }
    const recorded: Partial<Record<keyof FileHandle, unknown>> = {
      write: async (bytes: Uint8Array, offset = 0, length = bytes.length - offset) => {
        const written = await handle.write(bytes, offset, length)
        const copy = bytes.slice(offset, offset + written.bytesWritten)
        this.#note({ do: 'write', file: file!, at: position, bytes: copy })
        position += written.bytesWritten
        return written
      },
      writeFile: async (text: string) => {
        await handle.writeFile(text)
        this.#note({ do: 'write', file: file!, at: 0, bytes: Buffer.from(text) })
      },
      sync: () => sync(() => handle.sync()),
      datasync: () => sync(() => handle.datasync()),
    }
    return new Proxy(handle, {
      get(target, name) {
        if (name in recorded) return recorded[name as keyof FileHandle]
        if ((UNKNOWN.handle as readonly string[]).includes(String(name)))
          throw new Error(`${String(name)} is not recorded`)
        const value: unknown = Reflect.get(target, name)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
  }
}

function refusing<T extends object>(
  real: T,
  names: readonly string[],
  covers: (path: unknown) => boolean,
): T {
  const refused = Object.fromEntries(
    names.map((name) => [
      name,
      (...args: unknown[]) => {
        if (args.some(covers)) throw new Error(`${name} is not recorded`)
        return (real as Record<string, (...args: unknown[]) => unknown>)[name]!(...args)
      },
    ]),
  )
  return { ...real, ...refused }
}

function replay(disk: MemoryDisk, top: FolderNode, files: Map<number, FileNode>, change: Change): void {
  switch (change.do) {
    case 'folder':
      disk.apply([
        { ...place(top, change.path), entry: { name: basename(change.path), node: disk.folder(0) } },
      ])
      return
    case 'create': {
      const node = disk.file(0)
      files.set(change.file, node)
      disk.apply([{ ...place(top, change.path), entry: { name: basename(change.path), node } }])
      return
    }
    case 'write': {
      const node = files.get(change.file)!
      const content = new Uint8Array(Math.max(node.content.length, change.at + change.bytes.length))
      content.set(node.content)
      content.set(change.bytes, change.at)
      node.content = content
      return
    }
    case 'sync-file':
      disk.sync([files.get(change.file)!])
      return
    case 'sync':
      disk.sync([change.path === '' ? top : nodeAt(top, change.path)!])
      return
    case 'remove':
      disk.apply([{ ...place(top, change.path), entry: null }])
      return
    case 'rename': {
      const from = place(top, change.from)
      const entry = { name: basename(change.to), node: nodeAt(top, change.from)! }
      disk.apply([
        { ...from, entry: null },
        { ...place(top, change.to), entry },
      ])
    }
  }
}

function place(top: FolderNode, path: string): { folder: FolderNode; key: string } {
  const parent = dirname(path)
  const folder = parent === '.' ? top : nodeAt(top, parent)
  if (folder?.type !== 'folder') throw new Error(`nothing was recorded of ${parent}`)
  return { folder, key: basename(path) }
}

function nodeAt(top: FolderNode, path: string) {
  let node: FolderNode | FileNode | undefined = top
  for (const name of path.split('/')) {
    const entry: { node: unknown } | undefined = node?.type === 'folder' ? node.entries.get(name) : undefined
    node = entry?.node as FolderNode | FileNode | undefined
  }
  return node
}

function collect(
  folder: FolderNode,
  path: string,
  found: { folders: string[]; files: Map<string, Uint8Array> },
): void {
  for (const [name, { node }] of folder.entries) {
    const at = join(path, name)
    if (node.type === 'file') found.files.set(at, node.content)
    if (node.type !== 'folder') continue
    found.folders.push(at)
    collect(node, at, found)
  }
}
