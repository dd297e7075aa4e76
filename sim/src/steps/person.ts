/** What people do to their folders, at random. */
import type { MemoryFiles } from '@pileus/client/files/memory'
import { MARKER } from '@pileus/client/folder/marker'
import type { Ledger } from '../oracles/ledger.ts'
import { readAll } from '../world/disk-tree.ts'
import type { Chance } from '../world/random.ts'

const NAMES = ['a', 'b', 'c', 'd.txt', 'e.txt', 'f.bin', 'g.doc', 'h.jpg', 'é', 'Foo', 'foo', "o'clock \n x"]

/** Does one thing in the folder. Returns what, for the trace. */
export function act(files: MemoryFiles, chance: Chance, ledger: Ledger, device: string): string {
  return files.asPerson(() => {
    const deed = chance.pick(DEEDS)
    return deed({ files, chance, ledger, device })
  })
}

interface Scene {
  readonly files: MemoryFiles
  readonly chance: Chance
  readonly ledger: Ledger
  readonly device: string
}

type Deed = (scene: Scene) => string

let serial = 0

/** Text of some lines, never the same twice, so that each content has one origin. */
function newContent(chance: Chance, device: string): Uint8Array {
  const lines = Array.from({ length: 1 + chance.below(6) }, () => `line ${chance.below(1_000_000)}`)
  return new TextEncoder().encode(`${device} ${serial++}\n${lines.join('\n')}\n`)
}

/** A run begins with the same contents, whatever ran before it. */
export function restartContents(): void {
  serial = 0
}

const create: Deed = ({ files, chance, ledger, device }) => {
  const path = freePath(files, chance)
  if (path === null) return 'nothing'
  const content = newContent(chance, device)
  ledger.noteSaved(content, `${device} ${path}`)
  writeNew(files, path, content)
  return `create ${path}`
}

const edit: Deed = ({ files, chance, ledger, device }) => {
  const path = anyPath(files, chance, 'file')
  if (path === null) return 'nothing'
  const content = newContent(chance, device)
  ledger.noteReplaced(files, path)
  ledger.noteSaved(content, `${device} ${path}`)
  if (chance.happens(0.5)) files.overwrite(path, content)
  else saveAtomically(files, chance, path, content)
  return `edit ${path}`
}

const append: Deed = ({ files, chance, ledger, device }) => {
  const path = anyPath(files, chance, 'file')
  if (path === null) return 'nothing'
  const before = readAll(files, path)
  const content = new Uint8Array([...before, ...newContent(chance, device)])
  ledger.noteReplaced(files, path)
  ledger.noteSaved(content, `${device} ${path}`)
  files.overwrite(path, content)
  return `append ${path}`
}

const makeFolder: Deed = ({ files, chance }) => {
  const path = freePath(files, chance)
  if (path === null) return 'nothing'
  files.folder.makeDirectory(path)
  return `mkdir ${path}`
}

const move: Deed = ({ files, chance }) => {
  const from = anyPath(files, chance)
  const to = freePath(files, chance)
  if (from === null || to === null || to === from || to.startsWith(`${from}/`)) return 'nothing'
  files.transfer('rename', { area: 'folder', path: from }, { area: 'folder', path: to })
  return `move ${from} to ${to}`
}

const swap: Deed = ({ files, chance }) => {
  const a = anyPath(files, chance)
  const b = anyPath(files, chance)
  if (a === null || b === null || a === b || a.startsWith(`${b}/`) || b.startsWith(`${a}/`)) return 'nothing'
  const aside = 'swapping'
  files.transfer('rename', { area: 'folder', path: a }, { area: 'folder', path: aside })
  files.transfer('rename', { area: 'folder', path: b }, { area: 'folder', path: a })
  files.transfer('rename', { area: 'folder', path: aside }, { area: 'folder', path: b })
  return `swap ${a} and ${b}`
}

const remove: Deed = ({ files, chance, ledger }) => {
  const path = anyPath(files, chance)
  if (path === null) return 'nothing'
  ledger.noteReplaced(files, path)
  removeAll(files, path)
  return `remove ${path}`
}

const link: Deed = ({ files, chance }) => {
  const path = freePath(files, chance)
  if (path === null) return 'nothing'
  files.folder.makeLink(path, chance.pick(NAMES))
  return `link ${path}`
}

const changeAttributes: Deed = ({ files, chance }) => {
  const path = anyPath(files, chance, 'file')
  if (path === null) return 'nothing'
  if (chance.happens(0.5)) files.folder.setExecutable(path, chance.happens(0.5))
  else files.folder.setModified(path, chance.below(2 ** 31) * 1_000_003 - 10 ** 14)
  return `attributes of ${path}`
}

/** A file or folder gives way to another kind of thing of the same name. */
const turnInto: Deed = (scene) => {
  const { files, chance, ledger, device } = scene
  const path = anyPath(files, chance)
  if (path === null) return 'nothing'
  const wasFolder = files.folder.stat(path)?.type === 'folder'
  ledger.noteReplaced(files, path)
  removeAll(files, path)
  if (!wasFolder) files.folder.makeDirectory(path)
  else {
    const content = newContent(chance, device)
    ledger.noteSaved(content, `${device} ${path}`)
    writeNew(files, path, content)
  }
  return `turn ${path} into a ${wasFolder ? 'file' : 'folder'}`
}

const copy: Deed = ({ files, chance }) => {
  const from = anyPath(files, chance, 'file')
  const to = freePath(files, chance)
  if (from === null || to === null) return 'nothing'
  writeNew(files, to, readAll(files, from))
  return `copy ${from} to ${to}`
}

/** Commoner deeds stand here more than once. */
const DEEDS: readonly Deed[] = [
  create,
  create,
  create,
  edit,
  edit,
  edit,
  append,
  makeFolder,
  makeFolder,
  move,
  move,
  move,
  swap,
  remove,
  remove,
  link,
  changeAttributes,
  turnInto,
  copy,
]

function writeNew(files: MemoryFiles, path: string, content: Uint8Array): void {
  const writer = files.folder.create(path)
  writer.write(content)
  writer.close()
}

/** As editors do: a new file takes the old one's name, which may live on under another. */
function saveAtomically(files: MemoryFiles, chance: Chance, path: string, content: Uint8Array): void {
  const temporary = `${path}.tmp`
  if (files.folder.stat(temporary)) {
    files.overwrite(path, content)
    return
  }
  writeNew(files, temporary, content)
  const backup = `${path}~`
  if (chance.happens(0.2) && !files.folder.stat(backup)) {
    files.transfer('rename', { area: 'folder', path }, { area: 'folder', path: backup })
  }
  files.transfer('rename', { area: 'folder', path: temporary }, { area: 'folder', path })
}

function removeAll(files: MemoryFiles, path: string): void {
  if (files.folder.stat(path)?.type !== 'folder') {
    files.folder.removeFile(path)
    return
  }
  for (const name of files.folder.list(path).names) removeAll(files, `${path}/${name}`)
  files.folder.removeDirectory(path)
}

function anyPath(files: MemoryFiles, chance: Chance, kind?: 'file' | 'folder'): string | null {
  const paths = pathsBelow(files, '').filter((path) => !kind || files.folder.stat(path)?.type === kind)
  return paths.length === 0 ? null : chance.pick(paths)
}

function freePath(files: MemoryFiles, chance: Chance): string | null {
  const folders = ['', ...pathsBelow(files, '').filter((path) => files.folder.stat(path)?.type === 'folder')]
  const folder = chance.pick(folders)
  const path = folder === '' ? chance.pick(NAMES) : `${folder}/${chance.pick(NAMES)}`
  return files.folder.stat(path) || path.split('/').length > 6 ? null : path
}

function pathsBelow(files: MemoryFiles, folder: string): string[] {
  const paths: string[] = []
  for (const name of files.folder.list(folder).names.sort()) {
    const path = folder === '' ? name : `${folder}/${name}`
    if (path === MARKER) continue
    paths.push(path)
    if (files.folder.stat(path)?.type === 'folder') paths.push(...pathsBelow(files, path))
  }
  return paths
}
