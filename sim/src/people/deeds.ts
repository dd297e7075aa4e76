/** What people and their programs do to a folder. Each deed says what was done, or null where there was nothing to do it to. */
import { readAll } from '../world/disk-tree.ts'
import {
  both,
  keepOpen,
  makeFolder,
  move,
  put,
  remove,
  rename,
  show,
  within,
  writeSlowly,
} from './programs.ts'
import {
  anyPath,
  folderOf,
  freePath,
  joined,
  lines,
  names,
  noise,
  pathsBelow,
  type Scene,
  words,
} from './scene.ts'

export type Deed = (scene: Scene) => string | null

const encoder = new TextEncoder()

export const deeds: Readonly<Record<string, Deed>> = {
  create(scene) {
    const path = freePath(scene)
    if (path === null) return null
    if (scene.chance.happens(0.12)) return writeSlowly(scene, path)
    put(scene, path, words(scene))
    return `create ${show(path)}`
  },

  edit(scene) {
    const path = anyPath(scene, 'file')
    if (path === null) return null
    put(scene, path, words(scene))
    return `edit ${show(path)}`
  },

  append(scene) {
    const path = anyPath(scene, 'file')
    if (path === null) return null
    put(scene, path, both(readAll(scene.files, path), words(scene, 2)))
    return `append to ${show(path)}`
  },

  /** A line somewhere in a text, so that two such edits can be merged. */
  insert(scene) {
    const { files, chance, step } = scene
    const path = anyPath(scene, 'file')
    if (path === null) return null
    const text = new TextDecoder().decode(readAll(files, path))
    if (!text.startsWith(':')) return null
    const old = text.split(/(?<=\n)/)
    const [first] = lines(step, chance, 1)
    const at = chance.below(old.length + 1)
    old.splice(at, chance.happens(0.3) ? 1 : 0, first!)
    put(scene, path, encoder.encode(old.join('')))
    return `change a line of ${show(path)}`
  },

  empty(scene) {
    const path = scene.chance.happens(0.5) ? freePath(scene) : anyPath(scene, 'file')
    if (path === null) return null
    put(scene, path, new Uint8Array(0))
    return `make ${show(path)} empty`
  },

  /** A program writes to a file while the client reads it. */
  busy(scene) {
    const { files, contents, doings, who, step } = scene
    const path = scene.chance.happens(0.4) ? freePath(scene) : anyPath(scene, 'file')
    if (path === null) return null
    put(scene, path, scene.chance.happens(0.5) ? words(scene) : noise(scene))
    const { identity } = files.folder.stat(path)!
    const next = words(scene)
    scene.whenRead(identity, () => {
      if (files.folder.stat(path)?.identity !== identity) return
      contents.giveUp(files, path, next)
      contents.save(next, `${who} wrote ${show(path)} while it was read, in step ${step.n}`)
      doings.touch(who, path)
      files.overwrite(path, next)
    })
    return `write ${show(path)}, which a program will write again while it is read`
  },

  hold(scene) {
    const path = anyPath(scene, 'file')
    return path === null ? null : keepOpen(scene, path)
  },

  /** What others may save under the same name. */
  same(scene) {
    const { chance } = scene
    const name = chance.pick(names(scene))
    const path = chance.happens(0.5) ? name : freePath(scene)
    if (path === null || scene.files.folder.stat(path)?.type === 'folder') return null
    put(scene, path, encoder.encode(`:same ${chance.below(3)}\n`))
    return `save common words as ${show(path)}`
  },

  copy(scene) {
    const from = anyPath(scene, 'file')
    const to = freePath(scene)
    if (from === null || to === null) return null
    put(scene, to, readAll(scene.files, from))
    return `copy ${show(from)} to ${show(to)}`
  },

  /** A content that was there once, and may be nowhere now. */
  old(scene) {
    const { contents, chance } = scene
    const all = [...contents.saved.values()]
    const path = chance.happens(0.5) ? freePath(scene) : anyPath(scene, 'file')
    if (path === null || all.length === 0) return null
    put(scene, path, chance.pick(all).bytes)
    return `save an old content as ${show(path)}`
  },

  big(scene) {
    const path = scene.chance.happens(0.5) ? freePath(scene) : anyPath(scene, 'file')
    if (path === null) return null
    const before = scene.files.folder.stat(path) ? readAll(scene.files, path) : null
    // A change in the middle of what is there, or all new.
    const content = before && before.length > 2_000 ? changed(scene, before) : noise(scene)
    put(scene, path, content)
    return `write ${content.length} bytes to ${show(path)}`
  },

  many(scene) {
    const folder = freePath(scene, `many ${scene.step.n}`)
    if (folder === null) return null
    makeFolder(scene, folder)
    for (let n = 0; n < 24; n++) put(scene, `${folder}/file ${n}.bin`, words(scene, 1 + (n % 3)))
    return `make 24 files in ${show(folder)}`
  },

  folder(scene) {
    const path = freePath(scene)
    if (path === null) return null
    makeFolder(scene, path)
    return `make the folder ${show(path)}`
  },

  move(scene) {
    const from = anyPath(scene)
    const to = freePath(scene)
    if (from === null || to === null || !move(scene, from, to)) return null
    return `move ${show(from)} to ${show(to)}`
  },

  /** Often only its case changes, or how it is composed. */
  rename(scene) {
    const { chance } = scene
    const from = anyPath(scene)
    if (from === null) return null
    const name = from.slice(folderOf(from).length).replace('/', '')
    const fold = chance.pick([
      name.toUpperCase(),
      name.toLowerCase(),
      name.normalize('NFC'),
      name.normalize('NFD'),
    ])
    const to = joined(folderOf(from), chance.happens(0.4) ? fold : chance.pick(names(scene)))
    if (to === from || !move(scene, from, to)) return null
    return `rename ${show(from)} to ${show(to)}`
  },

  swap(scene) {
    const { contents, files, doings, who } = scene
    const a = anyPath(scene)
    const b = anyPath(scene)
    if (a === null || b === null || a === b || within(a, b) || within(b, a)) return null
    const aside = 'swapping'
    if (files.folder.stat(aside)) return null
    for (const path of [a, b]) doings.touch(who, path)
    rename(files, a, aside)
    rename(files, b, a)
    rename(files, aside, b)
    if ([a, b].every((path) => files.folder.stat(path)?.type === 'file'))
      for (const path of [a, b]) contents.putAbout(files, path)
    return `swap ${show(a)} and ${show(b)}`
  },

  /** A folder into another: two people may do it the other way round. */
  into(scene) {
    const from = anyPath(scene, 'folder')
    const to = anyPath(scene, 'folder')
    if (from === null || to === null) return null
    const path = joined(to, from.slice(folderOf(from).length).replace('/', ''))
    if (!move(scene, from, path)) return null
    return `move the folder ${show(from)} into ${show(to)}`
  },

  /** A name moves on, and another takes it. */
  chain(scene) {
    const from = anyPath(scene)
    const to = freePath(scene)
    if (from === null || to === null || !move(scene, from, to)) return null
    if (!scene.files.folder.stat(folderOf(from)) && folderOf(from) !== '') return null
    put(scene, from, words(scene))
    return `move ${show(from)} to ${show(to)} and make it anew`
  },

  remove(scene) {
    const path = anyPath(scene)
    if (path === null) return null
    remove(scene, path)
    return `remove ${show(path)}`
  },

  /** Most of what is there. */
  clear(scene) {
    const all = scene.files.folder
      .list('')
      .names.sort()
      .filter((name) => name !== '.pileus')
    for (const path of all) if (scene.chance.happens(0.9)) remove(scene, path)
    return `remove nearly everything`
  },

  link(scene) {
    const { chance, files, doings, who } = scene
    const path = freePath(scene)
    if (path === null) return null
    const target = chance.pick([chance.pick(names(scene)), '../outside', '/etc/passwd', '.', 'a/b/c'])
    doings.touch(who, path)
    files.folder.makeLink(path, target)
    return `link ${show(path)} to ${show(target)}`
  },

  attributes(scene) {
    const { chance, files, doings, who } = scene
    const path = anyPath(scene, 'file')
    if (path === null) return null
    doings.touch(who, path)
    if (chance.happens(0.4)) files.folder.setExecutable(path, chance.happens(0.5))
    else
      files.folder.setModified(
        path,
        chance.pick([0, -1, 1_500_000_000_000_001, chance.below(2 ** 31) * 1_000_003 - 10 ** 14]),
      )
    return `change mode or time of ${show(path)}`
  },

  /** Something gives way to another kind of thing of the same name. */
  turn(scene) {
    const { chance, files, doings, who } = scene
    const path = anyPath(scene)
    if (path === null) return null
    const was = files.folder.stat(path)!.type
    remove(scene, path)
    const into = chance.pick((['file', 'folder', 'link'] as const).filter((kind) => kind !== was))
    doings.touch(who, path)
    if (into === 'folder') {
      makeFolder(scene, path)
      if (chance.happens(0.5)) put(scene, `${path}/${chance.pick(names(scene))}`, words(scene))
    } else if (into === 'link') files.folder.makeLink(path, 'elsewhere')
    else put(scene, path, words(scene))
    return `turn ${show(path)} into a ${into}`
  },

  /** A copy of another device's folder, by a stick. */
  usb(scene) {
    const { others, chance, files } = scene
    if (others.length === 0) return null
    const from = chance.pick(others)
    if (from.unmounted || from.denied.size > 0) return null
    for (const path of pathsBelow(from, '')) {
      const stat = from.folder.stat(path)!
      if (
        files.folder.stat(path) ||
        (folderOf(path) !== '' && files.folder.stat(folderOf(path))?.type !== 'folder')
      )
        continue
      if (stat.type === 'folder') makeFolder(scene, path)
      else if (stat.type === 'file') {
        put(scene, path, readAll(from, path))
        if (chance.happens(0.8)) files.folder.setModified(path, stat.mtime)
      }
    }
    return `copy all of another device's folder`
  },
}

function changed(scene: Scene, before: Uint8Array): Uint8Array {
  const content = before.slice()
  const at = scene.chance.below(content.length - 40)
  content.set(encoder.encode(`${scene.step.n} ${scene.step.seed} `).subarray(0, 40), at)
  return content
}
