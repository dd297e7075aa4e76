/** A person's programs at work in a simulated folder, for simulations and tests. */
import type { Stat } from './files.ts'
import type { MemoryFiles } from './memory.ts'

export type Seen =
  | {
      readonly type: 'file'
      readonly content: Uint8Array
      readonly mtime: number
      readonly executable: boolean
    }
  | { readonly type: 'folder'; readonly mtime: number }
  | { readonly type: 'link'; readonly target: string; readonly mtime: number }

/** Each call happens at once, is durable, and is never the one at which a process stops (`failAfter`). */
export interface Person {
  /** Writes a file in place, or makes it with the folders it lies in. */
  write(path: string, content: Uint8Array): void
  /** Writes as editors do: a new file beside it, renamed over it. */
  save(path: string, content: Uint8Array): void
  append(path: string, content: Uint8Array): void
  /** mkdir -p */
  makeFolder(path: string): void
  makeLink(path: string, target: string): void
  /** rm -r; nothing happens when nothing is there. */
  remove(path: string): void
  /** mv to exactly this path, replacing a file or link. */
  move(from: string, to: string): void
  read(path: string): Uint8Array
  /** Everything below the top, by path, in the order of paths. */
  tree(): Map<string, Seen>
}

/** The person at this disk. */
export function personAt(files: MemoryFiles): Person {
  const { folder } = files
  const at = (path: string) => ({ area: 'folder', path }) as const
  const parentOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('/')))

  function makeFolder(path: string): void {
    if (path === '' || folder.stat(path)?.type === 'folder') return
    makeFolder(parentOf(path))
    folder.makeDirectory(path)
  }
  function create(path: string, content: Uint8Array): void {
    makeFolder(parentOf(path))
    const writer = folder.create(path)
    writer.write(content)
    writer.close()
  }
  function read(path: string): Uint8Array {
    const reader = folder.read(path)
    const content = new Uint8Array(reader.stat().size)
    reader.read(content, 0)
    reader.close()
    return content
  }
  function write(path: string, content: Uint8Array): void {
    if (folder.stat(path) === null) create(path, content)
    else files.overwrite(path, content)
  }
  function remove(path: string): void {
    const stat = folder.stat(path)
    if (stat === null) return
    if (stat.type !== 'folder') folder.removeFile(path)
    else {
      for (const name of folder.list(path).names) remove(`${path}/${name}`)
      folder.removeDirectory(path)
    }
  }

  const acting =
    <A extends unknown[], R>(act: (...args: A) => R) =>
    (...args: A): R =>
      files.asPerson(() => act(...args))
  return {
    write: acting(write),
    save: acting((path, content) => {
      create(`${path}.saving`, content)
      files.transfer('rename', at(`${path}.saving`), at(path))
    }),
    append: acting((path, content) => write(path, joined(read(path), content))),
    makeFolder: acting(makeFolder),
    makeLink: acting((path, target) => {
      makeFolder(parentOf(path))
      folder.makeLink(path, target)
    }),
    remove: acting(remove),
    move: acting((from, to) => {
      makeFolder(parentOf(to))
      files.transfer('rename', at(from), at(to))
    }),
    read: acting(read),
    tree: () => new Map(walk(files, '', read)),
  }
}

function* walk(
  files: MemoryFiles,
  under: string,
  read: (path: string) => Uint8Array,
): Iterable<readonly [string, Seen]> {
  for (const name of files.folder.list(under).names.toSorted()) {
    const path = under === '' ? name : `${under}/${name}`
    const stat = files.folder.stat(path)
    if (stat === null) continue
    yield [path, seen(files, path, stat, read)]
    if (stat.type === 'folder') yield* walk(files, path, read)
  }
}

function seen(files: MemoryFiles, path: string, stat: Stat, read: (path: string) => Uint8Array): Seen {
  const { mtime, executable } = stat
  switch (stat.type) {
    case 'link':
      return { type: 'link', target: files.folder.readLink(path), mtime }
    case 'folder':
      return { type: 'folder', mtime }
    default:
      return { type: 'file', content: read(path), mtime, executable }
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length)
  both.set(a)
  both.set(b, a.length)
  return both
}
