/** What real disks hold and what people do with it: scenarios 4, 8, 12, 13, 15 and 16 through the real command. */
import {
  cpSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { at, move, put, remove, text } from './story/hands.ts'
import { carry, expectSame, household, settle, synced } from './story/household.ts'
import { createDevice, type DeviceOf } from './story/person.ts'
import { startServer } from './story/server.ts'
import { describeTree } from './story/tree.ts'

const home = household('disks')
let laptop: DeviceOf
let desktop: DeviceOf
beforeAll(async () => {
  laptop = await home.join('laptop')
  desktop = await home.join('desktop')
})

const KINDS = {
  file: (device: DeviceOf, path: string) => put(device, path, `the file ${path}`),
  folder: (device: DeviceOf, path: string) => put(device, `${path}/inside`, `in the folder ${path}`),
  link: (device: DeviceOf, path: string) => symlinkSync(`target of ${path}`, at(device, path)),
}
const KIND_NAMES = Object.keys(KINDS) as (keyof typeof KINDS)[]
const SWAPS = KIND_NAMES.flatMap((from) =>
  KIND_NAMES.filter((to) => to !== from).map((to) => [from, to] as const),
)

test('scenario 4: files, folders and links take the place of each other; edits made meanwhile are kept', async () => {
  mkdirSync(at(laptop, 'swaps'))
  for (const [from, to] of SWAPS)
    for (const how of ['quiet', 'edited']) KINDS[from](laptop, `swaps/${from} to ${to}, ${how}`)
  await carry(laptop, desktop)
  for (const [from, to] of SWAPS) {
    for (const how of ['quiet', 'edited']) {
      remove(laptop, `swaps/${from} to ${to}, ${how}`)
      KINDS[to](laptop, `swaps/${from} to ${to}, ${how}`)
    }
    if (from === 'file') put(desktop, `swaps/${from} to ${to}, edited`, `edit of ${from} to ${to}`)
    if (from === 'folder') put(desktop, `swaps/${from} to ${to}, edited/inside`, `edit of ${from} to ${to}`)
  }
  await settle(laptop, desktop)
  expectSame(laptop, desktop)
  for (const [from, to] of SWAPS) {
    const stat = lstatSync(at(desktop, `swaps/${from} to ${to}, quiet`))
    expect([stat.isFile(), stat.isDirectory(), stat.isSymbolicLink()]).toEqual(
      KIND_NAMES.map((kind) => kind === to),
    )
  }
  const contents = [...describeTree(at(desktop, 'swaps')).keys()]
    .filter((path) => lstatSync(at(desktop, `swaps/${path}`)).isFile())
    .map((path) => text(desktop, `swaps/${path}`))
  for (const [from, to] of SWAPS) if (from !== 'link') expect(contents).toContain(`edit of ${from} to ${to}`)
})

test('scenario 8: a device whose database was deleted links by union: nothing moves, nothing is deleted', async () => {
  put(laptop, 'kept/1', 'one')
  put(laptop, 'kept/2', 'two')
  await carry(laptop, desktop)
  const before = describeTree(desktop.folder)
  for (const name of readdirSync(desktop.home))
    if (name.startsWith('drive.db')) rmSync(join(desktop.home, name))
  put(desktop, 'kept/2', 'edited while it was away')
  // The other version of the one that was edited, and no more.
  expect((await synced(desktop)).bytesReceived).toBeLessThan(100)
  await settle(desktop, laptop)
  expectSame(laptop, desktop)
  expect([...describeTree(laptop.folder).keys()]).toEqual(expect.arrayContaining([...before.keys()]))
  const kept = readdirSync(at(laptop, 'kept')).map((name) => text(laptop, `kept/${name}`))
  expect(kept).toContain('edited while it was away')
})

test('scenario 8: a device set back to an old copy of its home takes up all that was done since', async () => {
  put(desktop, 'since/edited', 'before the copy')
  put(desktop, 'since/deleted', 'x')
  await carry(desktop, laptop)
  const copy = join(home.root, 'copy of the home')
  cpSync(desktop.home, copy, { recursive: true })
  put(desktop, 'since/edited', 'after the copy')
  put(desktop, 'since/new', 'new')
  remove(desktop, 'since/deleted')
  await carry(desktop, laptop)
  const shown = describeTree(laptop.folder)
  rmSync(desktop.home, { recursive: true })
  renameSync(copy, desktop.home)
  await settle(desktop, laptop)
  expect(describeTree(laptop.folder)).toEqual(shown)
  expectSame(laptop, desktop)
})

test('scenario 8: a clone of a device, home and folder, edits beside it, and nothing is lost', async () => {
  put(desktop, 'cloned/both.bin', 'base')
  await carry(desktop, laptop)
  const clone = createDevice(home.root, 'clone')
  rmSync(clone.folder, { recursive: true })
  cpSync(desktop.home, clone.home, { recursive: true })
  cpSync(desktop.folder, clone.folder, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true })
  // As if its paths were the same, on another machine.
  const linked = join(clone.home, 'folder.json')
  const moved = readFileSync(linked, 'utf8')
    .replaceAll(desktop.folder, clone.folder)
    .replaceAll(desktop.home, clone.home)
  writeFileSync(linked, moved)
  put(desktop, 'cloned/both.bin', 'by the device')
  put(clone, 'cloned/both.bin', 'by the clone')
  put(clone, 'cloned/new', 'new')
  await settle(desktop, clone, laptop)
  expectSame(desktop, laptop)
  expectSame(clone, laptop)
  const contents = readdirSync(at(laptop, 'cloned')).map((name) => text(laptop, `cloned/${name}`))
  expect(contents.sort()).toEqual(['by the clone', 'by the device', 'new'])
})

test('scenario 8: a server set back to an old copy of its data gets back what it lost', async () => {
  const root = join(home.root, 'set back')
  mkdirSync(root)
  const env = { PILEUS_LOG_LEVEL: 'warn' }
  let server = await startServer(root, env)
  const [a, b] = [createDevice(root, 'a'), createDevice(root, 'b')]
  for (const [device, how] of [
    [a, 'signup'],
    [b, 'login'],
  ] as const) {
    await device.step([how, 'ana', '--server', server.url])
    await device.step(['link', device.folder])
  }
  put(a, 'old', 'old')
  put(a, 'deleted', 'x')
  await carry(a, b)
  const again = { ...env, PILEUS_PORT: new URL(server.url).port }
  await server.stop()
  cpSync(join(root, 'data'), join(root, 'copy'), { recursive: true })
  server = await startServer(root, again)
  put(a, 'new', 'made after the copy')
  put(a, 'old', 'edited after the copy')
  remove(a, 'deleted')
  await carry(a, b)
  const shown = describeTree(a.folder)
  await server.stop('SIGKILL')
  rmSync(join(root, 'data'), { recursive: true })
  renameSync(join(root, 'copy'), join(root, 'data'))
  server = await startServer(root, again)
  try {
    await settle(b, a)
    expect(describeTree(a.folder)).toEqual(shown)
    expect(describeTree(b.folder)).toEqual(shown)
    const c = createDevice(root, 'c')
    await c.step(['login', 'ana', '--server', server.url])
    await c.step(['link', c.folder])
    await synced(c)
    expect(describeTree(c.folder)).toEqual(shown)
  } finally {
    await server.stop()
  }
})

test('scenario 12: times of 0, before 1970 and far ahead are carried, and decide nothing', async () => {
  const times = { zero: 0, before: -86_400.5, ahead: 4_102_444_800.25 }
  for (const name of Object.keys(times)) put(laptop, `times/${name}`, 'first')
  await carry(laptop, desktop)
  for (const [name, seconds] of Object.entries(times)) {
    put(desktop, `times/${name}`, 'second')
    // A Date, because Node takes a negative number for now.
    lutimesSync(at(desktop, `times/${name}`), new Date(seconds * 1_000), new Date(seconds * 1_000))
  }
  await settle(desktop, laptop)
  for (const [name, seconds] of Object.entries(times)) {
    expect(text(laptop, `times/${name}`)).toBe('second')
    expect(Math.floor(statSync(at(laptop, `times/${name}`)).mtimeMs * 1_000)).toBe(seconds * 1_000_000)
  }
  expectSame(laptop, desktop)
})

test('scenario 13: names swapped, chained and made again arrive as renames, without a byte of content', async () => {
  for (const name of ['p', 'q', 'r', 's', 't']) put(laptop, `names/${name}/in ${name}`, name)
  for (const name of ['1', '2', '3']) put(laptop, `names/${name}`, `was ${name}`)
  await carry(laptop, desktop)
  const inode = (path: string) => statSync(at(desktop, path)).ino
  const before = ['p/in p', 'q/in q', 'r/in r', '3'].map((path) => inode(`names/${path}`))
  for (const [x, y] of [
    ['p', 'q'],
    ['1', '2'],
  ]) {
    move(laptop, `names/${x}`, 'names/aside')
    move(laptop, `names/${y}`, `names/${x}`)
    move(laptop, 'names/aside', `names/${y}`)
  }
  move(laptop, 'names/r', 'names/s/r')
  move(laptop, 'names/s/r', 'names/s/renamed at once')
  move(laptop, 'names/3', 'names/4')
  expect(await synced(laptop)).toMatchObject({ bytesSent: 0 })
  put(laptop, 'names/3', 'made again')
  await settle(laptop, desktop)
  expectSame(laptop, desktop)
  const after = ['q/in p', 'p/in q', 's/renamed at once/in r', '4']
  // The same files under other names; of two files that are swapped each path keeps its own, with the other's content.
  expect(after.map((path) => inode(`names/${path}`))).toEqual(before)
  expect(text(desktop, 'names/3')).toBe('made again')
})

test('scenario 15: linking a folder that holds a full copy moves nothing', async () => {
  const third = createDevice(home.root, 'third')
  rmSync(third.folder, { recursive: true })
  await third.step(['login', 'ana', '--server', home.server.url])
  cpSync(laptop.folder, third.folder, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true })
  await third.step(['link', third.folder])
  const { pushed, bytesSent, bytesReceived } = await synced(third)
  // Node copies times to the millisecond only, and a folder's not at all: attributes may differ, contents do not.
  expect({ bytesSent, bytesReceived }).toEqual({ bytesSent: 0, bytesReceived: 0 })
  expect(pushed).toBeLessThanOrEqual(describeTree(laptop.folder).size)
  await carry(third, laptop)
  await carry(laptop, desktop)
  expectSame(third, laptop)
})

test('scenario 16: paths 200 folders deep, names of 255 bytes and what no shell likes travel both ways', async () => {
  const deep = Array.from({ length: 200 }, (_, n) => `level ${n}`).join('/')
  const odd = [
    'one\ntwo',
    `'"\`$(touch no)`,
    '-rf',
    '--',
    '👩‍👩‍👧‍👦🏳️‍🌈',
    '\u202egpj.exe',
    ' x ',
    '*?',
    'a\\b',
  ]
  const long = ['x'.repeat(255), '語'.repeat(85), `${'🙂'.repeat(62)}.txt.ab`.slice(0, 130)]
  put(laptop, `${deep}/file`, 'deep down')
  for (const name of [...odd, ...long]) {
    put(laptop, `odd/${name}`, name)
    put(laptop, `odd folders/${name}/${name}`, name)
  }
  await carry(laptop, desktop)
  expectSame(laptop, desktop)
  for (const name of [...odd, ...long]) {
    put(desktop, `odd/${name}`, `${name}, edited`)
    move(desktop, `odd folders/${name}`, `odd folders/${odd.indexOf(name)}${long.indexOf(name)}`)
  }
  move(desktop, 'level 0', 'top')
  await settle(desktop, laptop)
  expectSame(laptop, desktop)
  expect(text(laptop, `${deep.replace('level 0', 'top')}/file`)).toBe('deep down')
})

test('scenario 16: a name that is not UTF-8 is named, skipped and left as it is; the others sync', async () => {
  const raw = Buffer.concat([Buffer.from(`${laptop.folder}/caf`), Buffer.from([0xe9])])
  writeFileSync(raw, 'latin-1')
  put(laptop, 'a name that is', 'x')
  const { code, stderr } = await laptop.run('sync --once')
  expect(code).toBe(5)
  expect(stderr).toContain(
    'not synced: caf\ufffd: its name is not valid UTF-8, so it is not synced; rename it',
  )
  await synced(desktop)
  expect(text(desktop, 'a name that is')).toBe('x')
  expect(readdirSync(desktop.folder).filter((name) => name.startsWith('caf'))).toEqual([])
  expect(readFileSync(raw, 'utf8')).toBe('latin-1')
  rmSync(raw)
})
