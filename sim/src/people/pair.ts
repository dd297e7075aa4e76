/**
 * What two people do to one thing at the same time, unbeknown to each other. By chance alone they would seldom meet. Each
 * says what was done, or null where there was nothing to do it to.
 */
import { readAll } from '../world/disk-tree.ts'
import { move, put, remove, show } from './programs.ts'
import { folderOf, joined, lines, names, pathsBelow, type Scene, words } from './scene.ts'

export type Doing = (scene: Scene) => string | null
type Pair = (one: Scene, other: Scene) => readonly [Doing, Doing] | null

const encoder = new TextEncoder()

/** Two doings, to be done one after the other before either device hears of them; null where they do not meet. */
export function meeting(one: Scene, other: Scene): readonly [Doing, Doing] | null {
  return one.chance.pick(PAIRS)(one, other)
}

/** Each folder into the other. */
const cross: Pair = (one, other) => {
  const folders = both(one, other, 'folder')
  if (folders.length < 2) return null
  const a = one.chance.pick(folders)
  const b = one.chance.pick(folders)
  if (a === b || a.startsWith(`${b}/`) || b.startsWith(`${a}/`)) return null
  return [into(a, b), into(b, a)]
}

/** A line each in one text. */
const lineEach: Pair = (one, other) => {
  const texts = both(one, other, 'file').filter((path) => readAll(one.files, path)[0] === 0x3a)
  if (texts.length === 0) return null
  const path = one.chance.pick(texts)
  return [insert(path, 0), insert(path, 1)]
}

const editEach: Pair = (one, other) => {
  const path = shared(one, other, 'file')
  return path === null ? null : [edit(path), edit(path)]
}

/** One changes what the other takes away, by itself or with its folder. */
const editAndRemove: Pair = (one, other) => {
  const path = shared(one, other, 'file')
  if (path === null) return null
  const folder = folderOf(path)
  const gone = folder !== '' && one.chance.happens(0.5) ? folder : path
  const doings = [edit(path), take(gone)] as const
  return one.chance.happens(0.5) ? doings : [doings[1], doings[0]]
}

/** One name, perhaps spelled in two ways, for two things. */
const namesake: Pair = (one) => {
  const name = one.chance.pick([...names(one), 'caf\u00e9', 'na\u00efve'])
  const decomposed = one.chance.happens(0.5)
  return [create(name), create(decomposed ? name.normalize('NFD') : name)]
}

/** Two new names, or two new places. */
const moveEach: Pair = (one, other) => {
  const path = one.chance.happens(0.5) ? shared(one, other, 'file') : shared(one, other, 'folder')
  if (path === null) return null
  const [a, b] = [one.chance.pick(names(one)), one.chance.pick(names(one))]
  return [rename(path, a), rename(path, b)]
}

/** One puts something into a folder that the other takes away or renames. */
const intoWhatGoes: Pair = (one, other) => {
  const folder = shared(one, other, 'folder')
  if (folder === null) return null
  const name = one.chance.pick(names(one))
  const goes = one.chance.happens(0.5) ? take(folder) : rename(folder, one.chance.pick(names(one)))
  return [create(joined(folder, name)), goes]
}

const PAIRS: readonly Pair[] = [cross, lineEach, editEach, editAndRemove, namesake, moveEach, intoWhatGoes]

/** Paths that both have. */
function both(one: Pick<Scene, 'files'>, other: Pick<Scene, 'files'>, kind: 'file' | 'folder'): string[] {
  const isKind = ({ files }: Pick<Scene, 'files'>, path: string) => files.folder.stat(path)?.type === kind
  return pathsBelow(one.files, '').filter((path) => isKind(one, path) && isKind(other, path))
}

/** A path that both have, drawn by the first; null where there is none. */
export function shared(
  one: Pick<Scene, 'files' | 'chance'>,
  other: Pick<Scene, 'files'>,
  kind: 'file' | 'folder',
): string | null {
  const paths = both(one, other, kind)
  return paths.length === 0 ? null : one.chance.pick(paths)
}

function into(folder: string, other: string): Doing {
  return rename(folder, joined(`/${other}`, folder.slice(folderOf(folder).length).replace('/', '')))
}

/** To another name beside it, or to the whole path that begins with a slash. */
function rename(path: string, to: string): Doing {
  const target = to.startsWith('/') ? to.slice(1) : joined(folderOf(path), to)
  return (scene) => {
    if (target === path || scene.files.folder.stat(folderOf(target) || '.')?.type === 'file') return null
    return move(scene, path, target) ? `move ${show(path)} to ${show(target)}` : null
  }
}

/** Writes something new there. */
export function edit(path: string): Doing {
  return (scene) => {
    put(scene, path, words(scene))
    return `edit ${show(path)}`
  }
}

function take(path: string): Doing {
  return (scene) => {
    remove(scene, path)
    return `remove ${show(path)}`
  }
}

function create(path: string): Doing {
  return (scene) => {
    if (scene.files.folder.stat(path)) return null
    put(scene, path, words(scene))
    return `create ${show(path)}`
  }
}

/** Near the beginning, or near the end. */
function insert(path: string, where: 0 | 1): Doing {
  return (scene) => {
    const old = new TextDecoder().decode(readAll(scene.files, path)).split(/(?<=\n)/)
    const [line] = lines(scene.step, scene.chance, 1)
    const parts = where === 0 ? [line!, ...old] : [...old, line!]
    put(scene, path, encoder.encode(parts.join('')))
    return `add a line to ${show(path)}`
  }
}
