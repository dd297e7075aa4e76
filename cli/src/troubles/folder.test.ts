/** What goes wrong with a folder while it is kept in sync: said in a sentence, and mended by itself. */
import { execFileSync, spawn } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { household, WITHIN } from '../story/household.ts'
import { CAN_MAKE_NAMESPACES, createNamespace, type Namespace } from '../story/namespace.ts'
import type { DeviceOf } from '../story/person.ts'

const home = household('folder')
/** Few enough that the guard against many deletions would not hold theirs. */
const FILES = 12
const FOLDER_LOST =
  /^sync +problem: the folder is not there, or its marker file \.pileus is missing\. Nothing was synced and nothing deleted: bring the folder back/m

let desktop: DeviceOf
const namespaces: Namespace[] = []

beforeAll(async () => {
  desktop = await home.join('desktop')
  for (let n = 0; n < FILES; n++) writeFileSync(join(desktop.folder, `${n}`), `file ${n}`)
  home.live(desktop)
})
afterAll(() => {
  for (const namespace of namespaces) namespace.close()
})

const started = (device: DeviceOf, under: readonly string[] = []) => home.liveNow(device, { under })

async function ownNamespace(): Promise<Namespace> {
  const namespace = await createNamespace()
  namespaces.push(namespace)
  return namespace
}

const statusOf = async (device: DeviceOf) => (await device.step('status')).stdout
const says = (device: DeviceOf, what: RegExp) =>
  expect.poll(() => statusOf(device), { ...WITHIN, interval: 500 }).toMatch(what)
const arrives = (name: string, folder: string) =>
  expect.poll(() => existsSync(join(folder, name)), WITHIN).toBe(true)
const expectNothingDeleted = () => expect(readdirSync(desktop.folder).length).toBeGreaterThan(FILES)

test('scenario 9: a folder that is moved away, and one that is empty in its place: nothing is deleted, and it is used again when it is back', async () => {
  const device = await home.join('moved')
  const live = await started(device)
  const away = join(home.root, 'moved away')
  renameSync(device.folder, away)
  await says(device, FOLDER_LOST)
  expect(await statusOf(device)).toMatch(/^folder .*\(not there now\)$/m)
  mkdirSync(device.folder)
  writeFileSync(join(device.folder, 'in another folder'), 'not ours')
  await new Promise((resolve) => setTimeout(resolve, 3_000))
  await says(device, FOLDER_LOST)
  expectNothingDeleted()
  expect(existsSync(join(desktop.folder, 'in another folder'))).toBe(false)
  rmSync(device.folder, { recursive: true })
  renameSync(away, device.folder)
  await says(device, /^sync +up to date$/m)
  expect(live.output()).toMatch(/^problem: the folder is not there[\s\S]*is up to date\.$/m)
  writeFileSync(join(device.folder, 'after it was back'), 'x')
  await arrives('after it was back', desktop.folder)
  expectNothingDeleted()
})

test('a pipe is left out, in the same words wherever it is said, and the folder is up to date', async () => {
  const device = await home.join('piped')
  execFileSync('mkfifo', [join(device.folder, 'pipe')])
  const sentence = 'left out: pipe: it is a socket, pipe or device'
  const once = await device.ok('sync --once')
  expect(once.stderr).toBe(`${sentence}\n`)
  expect(await statusOf(device)).toMatch(new RegExp(`^${sentence}$`, 'm'))
  const live = await started(device)
  expect(live.output()).toMatch(new RegExp(`^${sentence}\n.*is up to date\\.$`, 'm'))
  await says(device, /^sync +up to date$/m)
  execFileSync('mkfifo', [join(device.folder, 'another')])
  await says(device, new RegExp(`^${sentence.replace('pipe', 'another')}$`, 'm'))
  rmSync(join(device.folder, 'another'))
  rmSync(join(device.folder, 'pipe'))
  await expect.poll(() => statusOf(device), { ...WITHIN, interval: 500 }).not.toMatch(/left out/)
})

test.runIf(CAN_MAKE_NAMESPACES)(
  'scenario 9: a folder that is unmounted, and mounted again (needs user namespaces)',
  async () => {
    const namespace = await ownNamespace()
    const device = await home.join('mounted')
    await device.ok('unlink')
    const [disk, mount] = [join(home.root, 'mounted', 'disk'), join(home.root, 'mounted', 'mount')]
    rmdirSync(device.folder)
    mkdirSync(disk)
    mkdirSync(mount)
    namespace.sh(`mount -t tmpfs none '${disk}'; mkdir '${disk}/files'; mount --bind '${disk}' '${mount}'`)
    await device.ok(['link', join(mount, 'files')], { under: namespace.enter })
    await started(device, namespace.enter)
    const inside = namespace.at(join(disk, 'files'))
    expect(readdirSync(inside).length).toBeGreaterThan(FILES)
    namespace.sh(`umount '${mount}'`)
    await says(device, FOLDER_LOST)
    await new Promise((resolve) => setTimeout(resolve, 3_000))
    expectNothingDeleted()
    namespace.sh(`mount --bind '${disk}' '${mount}'`)
    await says(device, /^sync +up to date$/m)
    writeFileSync(join(inside, 'after it was mounted'), 'x')
    await arrives('after it was mounted', desktop.folder)
    // An empty file system on top of it.
    namespace.sh(`mount -t tmpfs none '${mount}'; mkdir '${mount}/files'`)
    await says(device, FOLDER_LOST)
    expectNothingDeleted()
    namespace.sh(`umount '${mount}'`)
    await says(device, /^sync +up to date$/m)
    writeFileSync(join(desktop.folder, 'from afar'), 'x')
    await arrives('from afar', inside)
  },
)

test.runIf(CAN_MAKE_NAMESPACES)(
  'scenario 9: another disk below the folder: what is on it is left alone, and when it goes nothing is deleted (needs user namespaces)',
  async () => {
    const namespace = await ownNamespace()
    const device = await home.join('stick')
    const stick = join(device.folder, 'stick')
    mkdirSync(stick)
    writeFileSync(join(stick, 'under it'), 'x')
    const live = await started(device, namespace.enter)
    await arrives('stick/under it', desktop.folder)
    namespace.sh(`mount -t tmpfs none '${stick}'; echo picture > '${stick}/on the stick'`)
    await says(device, /^not synced: stick: .*lies on another file system.*$/m)
    writeFileSync(join(desktop.folder, 'stick/from afar'), 'x')
    await says(device, /^not synced: stick\/from afar: .*lies on another file system/m)
    expect((await device.run('sync --once')).code).toBe(5)
    expect(readdirSync(namespace.at(stick))).toEqual(['on the stick'])
    expect(readdirSync(join(desktop.folder, 'stick')).sort()).toEqual(['from afar', 'under it'])
    namespace.sh(`umount '${stick}'`)
    // Everything is looked at after five minutes only: it was noticed.
    await says(device, /^sync +up to date$/m)
    await arrives('stick/from afar', device.folder)
    expect(readdirSync(join(desktop.folder, 'stick')).sort()).toEqual(['from afar', 'under it'])
    // What was below it is watched again.
    writeFileSync(join(stick, 'after it was gone'), 'x')
    await arrives('stick/after it was gone', desktop.folder)
    expect(await live.stop(), live.output()).toBe(0)
  },
)

test.runIf(CAN_MAKE_NAMESPACES)(
  'when the system watches no more folders it is said, the rest is found by looking, and a raised limit is noticed (needs user namespaces)',
  async () => {
    const namespace = await ownNamespace()
    const device = await home.join('limited')
    for (let n = 0; n < 30; n++) mkdirSync(join(device.folder, `folder ${n}`))
    namespace.sh('echo 15 > /proc/sys/user/max_inotify_watches')
    const live = home.live(device, { under: namespace.enter })
    const limited =
      /^this system watches no more folders, so changes in some are found up to a minute late: raise its limit, for example with `sudo sysctl fs\.inotify\.max_user_watches=1048576`$/m
    await says(device, limited)
    await says(device, /^sync +up to date$/m)
    expect(live.output()).toMatch(limited)
    for (let n = 0; n < 30; n++) writeFileSync(join(device.folder, `folder ${n}/file`), 'x')
    await device.ok('sync --once')
    for (let n = 0; n < 30; n++) await arrives(`folder ${n}/file`, desktop.folder)
    namespace.sh('echo 1000 > /proc/sys/user/max_inotify_watches')
    await device.ok('sync --once')
    await expect.poll(() => statusOf(device), WITHIN).not.toMatch(limited)
    for (let n = 0; n < 30; n++) writeFileSync(join(device.folder, `folder ${n}/other`), 'x')
    for (let n = 0; n < 30; n++) await arrives(`folder ${n}/other`, desktop.folder)
  },
)

test('scenario 10: a file that never stops changing is named, keeps nobody waiting, and syncs when it is quiet', async () => {
  const device = await home.join('restless')
  const live = await started(device)
  const restless = join(device.folder, 'restless')
  writeFileSync(restless, Buffer.alloc(20_000_000, 'something '))
  const writer = spawn(process.execPath, [
    '-e',
    `const fs = require('fs'), fd = fs.openSync(process.argv[1], 'r+')
     setInterval(() => fs.writeSync(fd, String(Math.random()), Math.floor(Math.random() * 2e7)), 2)`,
    restless,
  ])
  try {
    await says(
      device,
      /^not synced: restless: it kept changing while it was read; it will be synced when it is quiet$/m,
    )
    await says(device, /^sync +up to date but for 1 path$/m)
    await expect.poll(live.output, WITHIN).toMatch(/^not synced: restless: it kept changing/m)
    for (let n = 0; n < 5; n++) {
      writeFileSync(join(device.folder, `beside it ${n}`), 'x')
      await arrives(`beside it ${n}`, desktop.folder)
    }
  } finally {
    writer.kill('SIGKILL')
  }
  await expect
    .poll(
      () =>
        existsSync(join(desktop.folder, 'restless')) &&
        readFileSync(restless).equals(readFileSync(join(desktop.folder, 'restless'))),
      WITHIN,
    )
    .toBe(true)
  await says(device, /^sync +up to date$/m)
})
