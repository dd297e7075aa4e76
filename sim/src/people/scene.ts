/** Where a person is when they do something, and what they find there. */
import type { MemoryFiles } from '@pileus/client/files/memory'
import { MARKER } from '@pileus/client/folder/marker'
import type { Contents } from '../oracles/contents.ts'
import type { Doings } from '../oracles/doings.ts'
import type { Step, Switches } from '../plan/plan.ts'
import type { Chance } from '../world/random.ts'

export interface Scene {
  readonly who: string
  readonly files: MemoryFiles
  readonly chance: Chance
  readonly step: Step
  readonly contents: Contents
  readonly doings: Doings
  readonly names: Switches['names']
  /** Folders of the other devices, to copy from. */
  readonly others: readonly MemoryFiles[]
  /** A program that goes on writing later: does this then, if the person does not take its file away. */
  later(milliseconds: number, identity: string, finish: () => void): void
  /** The person takes away the file with this identity. */
  taken(identity: string): void
  /** A program that writes while the client reads: does this between two reads of the file with this identity. */
  whenRead(identity: string, act: () => void): void
}

const FILES = [
  'letter.txt',
  'notes.md',
  'report.doc',
  'picture.jpg',
  'archive.bin',
  'list.txt',
  'table.xlsx',
  'README',
]
const FOLDERS = ['projects', 'pictures', 'some folder', 'archive', 'deep']
const ODD = [
  ...[
    "o'clock \n x.txt",
    '-rf.txt',
    '  two spaces',
    'smile \u{1f600}.txt',
    '.hidden',
    'a~',
    'tmp.saving',
    '%41',
    'con.txt',
  ],
  ...[
    `${'long'.repeat(62)}.txt`,
    '\u{1f600}'.repeat(50),
    "letter (device-1's conflicted copy 2026-01-01).txt",
    'stash',
  ],
]
const TWINS = [
  'caf\u00e9.txt',
  'cafe\u0301.txt',
  'Foo',
  'foo',
  'FOO',
  'letter.txt',
  'Letter.TXT',
  '\u212bngstrom',
  '\u00c5ngstrom',
  'A\u030angstrom',
]

export function names(scene: Scene): readonly string[] {
  switch (scene.names) {
    case 'plain':
      return [...FILES, ...FOLDERS]
    case 'few':
      return [FILES[0]!, FILES[2]!, FILES[4]!, FOLDERS[0]!, FOLDERS[1]!]
    case 'odd':
      return [...ODD, ...FOLDERS.slice(0, 2)]
    case 'twins':
      return TWINS
  }
}

export function anyPath({ files, chance }: Scene, kind?: 'file' | 'folder'): string | null {
  const paths = pathsBelow(files, '').filter((path) => !kind || files.folder.stat(path)?.type === kind)
  return paths.length === 0 ? null : chance.pick(paths)
}

const DEPTH_MAX = 7

export function freePath(scene: Scene, name?: string): string | null {
  const { files, chance } = scene
  const folders = ['', ...pathsBelow(files, '').filter((path) => files.folder.stat(path)?.type === 'folder')]
  const folder = chance.pick(folders)
  const chosen = name ?? chance.pick(names(scene))
  const path = joined(folder, chosen)
  return files.folder.stat(path) || path.split('/').length > DEPTH_MAX ? null : path
}

export function joined(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`
}

export function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')))
}

/** All there is below a folder, what a folder holds right after it. */
export function pathsBelow(files: MemoryFiles, folder: string): string[] {
  const paths: string[] = []
  for (const name of files.folder.list(folder).names.sort()) {
    const path = joined(folder, name)
    if (path === MARKER) continue
    paths.push(path)
    if (files.folder.stat(path)?.type === 'folder') paths.push(...pathsBelow(files, path))
  }
  return paths
}

/** Text whose lines nobody else ever writes. */
export function words({ step, chance }: Scene, most = 6): Uint8Array {
  return encoder.encode(lines(step, chance, 1 + chance.below(most)).join(''))
}

export function lines({ n, seed }: Step, chance: Chance, count: number): string[] {
  return Array.from(
    { length: count },
    (_, k) => `:${n}-${seed.toString(36)}-${k} ${'word '.repeat(chance.below(8))}\n`,
  )
}

/** Bytes of many chunks, some of which other files have too. */
export function noise({ step, chance }: Scene): Uint8Array {
  const head = encoder.encode(`${step.n} ${step.seed} `)
  const parts = [head]
  for (let n = 1 + chance.below(12); n > 0; n--) {
    const part = new Uint8Array(200 + chance.below(1_500))
    let state = 1 + chance.below(chance.happens(0.3) ? 4 : 1_000_000)
    for (let at = 0; at < part.length; at++) {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
      part[at] = state >>> 24
    }
    parts.push(part)
  }
  return new Uint8Array(Buffer.concat(parts))
}

const encoder = new TextEncoder()
