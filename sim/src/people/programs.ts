/** What programs do to files for people: writing, renaming, removing, in the ways that programs have, before the eyes of the oracles. */
import type { Area } from '@pileus/client/files/files'
import type { MemoryFiles } from '@pileus/client/files/memory'
import { Crash } from '@pileus/client/files/memory-area'
import { readAll } from '../world/disk-tree.ts'
import { folderOf, joined, lines, pathsBelow, type Scene } from './scene.ts'

const encoder = new TextEncoder()

/** Writes a file in place, as editors do, or anew. */
export function put(scene: Scene, path: string, content: Uint8Array): void {
  const { files, chance, contents, doings, who } = scene
  const stat = files.folder.stat(path)
  giveUp(scene, path, content)
  contents.save(content, `${who} saved ${show(path)} in step ${scene.step.n}`)
  doings.touch(who, path)
  if (stat?.type === 'link') {
    files.folder.removeFile(path)
    writeNew(files, path, content)
  } else if (!stat) writeNew(files, path, content)
  else if (chance.happens(0.5)) files.overwrite(path, content)
  else saveAtomically(scene, path, content)
}

/** As editors do: a new file takes the old one's name, which may live on under another. */
function saveAtomically(
  { files, chance, doings, who, contents }: Scene,
  path: string,
  content: Uint8Array,
): void {
  const name = path.slice(folderOf(path).length).replace('/', '')
  const temporary = joined(folderOf(path), `.~${name.slice(0, 20)}`)
  if (files.folder.stat(temporary)) {
    files.overwrite(path, content)
    return
  }
  writeNew(files, temporary, content)
  const backup = joined(folderOf(path), `${name.slice(0, 20)}~`)
  if (chance.happens(0.2) && !files.folder.stat(backup)) {
    contents.save(readAll(files, path), `${who} kept ${show(backup)}`)
    doings.touch(who, backup)
    rename(files, path, backup)
  }
  rename(files, temporary, path)
}

/** A program writes half of a file, and the rest when it comes to it. */
export function writeSlowly(scene: Scene, path: string): string {
  const { files, chance, contents, doings, who, step } = scene
  const text = lines(step, chance, 4)
  const [half, rest] = [text.slice(0, 2).join(''), text.slice(2).join('')]
  const writer = files.folder.create(path)
  writer.write(encoder.encode(half))
  contents.wrote(encoder.encode(half))
  doings.touch(who, path)
  const { identity } = files.folder.stat(path)!
  scene.later(chance.pick([10, 200, 3_000, 60_000]) * chance.fraction(), identity, () => {
    // What it writes to may be gone for good, as files are that were removed while they are open.
    if (!files.unmounted && !isThere(files, identity)) return
    try {
      writer.write(encoder.encode(rest))
    } catch (error) {
      // The machine lost its power meanwhile, and the program with it.
      if (!(error instanceof Crash)) throw error
      return
    }
    contents.save(encoder.encode(half + rest), `${who} wrote ${show(path)} slowly from step ${step.n}`)
  })
  return `begin to write ${show(path)}`
}

/** A program that keeps a file open adds to it later, wherever the file is by then. */
export function keepOpen(scene: Scene, path: string): string {
  const { files, chance, contents, doings, who, step } = scene
  const file = files.open(path)
  const { identity } = files.folder.stat(path)!
  const more = encoder.encode(lines(step, chance, 2).join(''))
  scene.later(chance.pick([10, 200, 3_000, 60_000]) * chance.fraction(), identity, () => {
    if (files.unmounted || !isThere(files, identity)) return
    const before = file.read()
    const content = both(before, more)
    contents.replaced(before, content)
    doings.touch(who, path)
    contents.save(content, `${who} went on writing what was ${show(path)} in step ${step.n}`)
    file.append(more)
  })
  return `open ${show(path)}`
}

/** Whether anything on this disk leads to this file. */
function isThere(files: MemoryFiles, identity: string): boolean {
  const holds = (area: Area, path: string): boolean => {
    const stat = path === '' ? null : area.stat(path)
    if (stat && stat.type !== 'folder') return stat.identity === identity
    return area.list(path).names.some((name) => holds(area, joined(path, name)))
  }
  return holds(files.folder, '') || holds(files.work, '')
}

function writeNew(files: MemoryFiles, path: string, content: Uint8Array): void {
  const writer = files.folder.create(path)
  writer.write(content)
  writer.close()
}

export function makeFolder({ files, doings, who }: Scene, path: string): void {
  doings.touch(who, path)
  files.folder.makeDirectory(path)
}

/** False where it cannot be moved there. */
export function move({ files, doings, who }: Scene, from: string, to: string): boolean {
  const there = files.folder.stat(to)
  const isItself = there?.identity === files.folder.stat(from)!.identity
  if ((there && !isItself) || within(to, from) || to.split('/').length > 12) return false
  doings.touch(who, from)
  doings.touch(who, to)
  rename(files, from, to)
  return true
}

export function rename(files: MemoryFiles, from: string, to: string): void {
  files.transfer('rename', { area: 'folder', path: from }, { area: 'folder', path: to })
}

export function remove(scene: Scene, path: string): void {
  const { files, doings, who } = scene
  giveUp(scene, path)
  const isFolder = files.folder.stat(path)?.type === 'folder'
  doings.remove(who, path, isFolder ? pathsBelow(files, path) : [])
  removeAll(files, path)
}

/** The person sees what is at this path, and takes it away, or puts this instead. */
function giveUp({ files, contents, taken }: Scene, path: string, instead?: Uint8Array): void {
  const stat = files.folder.stat(path)
  if (!stat) return
  contents.giveUp(files, path, instead)
  taken(stat.identity)
  if (stat.type !== 'folder') return
  for (const each of pathsBelow(files, path)) taken(files.folder.stat(each)!.identity)
}

function removeAll(files: MemoryFiles, path: string): void {
  if (files.folder.stat(path)?.type !== 'folder') {
    files.folder.removeFile(path)
    return
  }
  for (const name of files.folder.list(path).names) removeAll(files, `${path}/${name}`)
  files.folder.removeDirectory(path)
}

export function within(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`)
}

export function both(a: Uint8Array, b: Uint8Array): Uint8Array {
  return new Uint8Array(Buffer.concat([a, b]))
}

/** A path as it is printed: long and odd names stay readable. */
export function show(path: string): string {
  return JSON.stringify(path.length > 60 ? `${path.slice(0, 40)}…${path.slice(-15)}` : path)
}
