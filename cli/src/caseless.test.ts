/** Names through the real command, where one device's disk takes `a` and `A` for one name: scenarios 5 and 6. */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { caselessDisk } from './story/caseless-disk.ts'
import { put, text } from './story/hands.ts'
import { household, settle, synced } from './story/household.ts'
import { createDevice, type DeviceOf, joinedDevice } from './story/person.ts'

const home = household('names')
const disk = caselessDisk()
console.warn(
  typeof disk === 'string'
    ? `NOT TESTED on a real disk that ignores case, for there is none here (${disk}): only the memory file system was asked, in sim/src/scenarios/spelling.test.ts. PILEUS_CASELESS_FOLDER=DIR names one.`
    : `names are tested on a real disk that ignores case: ${disk.kind}`,
)

let desktop: DeviceOf
let mac: DeviceOf

afterAll(() => {
  if (typeof disk !== 'string') disk.remove()
})

const names = (device: DeviceOf, folder = '.') =>
  readdirSync(join(device.folder, folder))
    .filter((name) => name !== '.pileus')
    .sort()

/** Every file and folder by its bytes as they are spelled, with the text of files. */
function shown(device: DeviceOf, folder = '.'): Record<string, string> {
  const found: Record<string, string> = {}
  for (const name of names(device, folder)) {
    const path = folder === '.' ? name : `${folder}/${name}`
    if (statSync(join(device.folder, path)).isDirectory())
      Object.assign(found, { [`${path}/`]: '' }, shown(device, path))
    else found[path] = text(device, path)
  }
  return found
}

/** As `mv` has to do it where both spellings are one name. */
function respell(device: DeviceOf, from: string, to: string): void {
  renameSync(join(device.folder, from), join(device.folder, '..', 'aside'))
  renameSync(join(device.folder, '..', 'aside'), join(device.folder, to))
}

describe.skipIf(typeof disk === 'string')('one disk ignores case', () => {
  let accounts = 0
  beforeEach(async () => {
    if (typeof disk === 'string') return
    const account = `ana-${++accounts}`
    desktop = await joinedDevice(home.root, `desktop ${accounts}`, 'signup', home.server.url, account)
    const folder = join(disk.path, String(accounts), 'files')
    mkdirSync(folder, { recursive: true })
    mac = { ...createDevice(home.root, `mac ${accounts}`), folder }
    await mac.step(['login', account, '--server', home.server.url])
    await mac.step(['link', folder])
  })

  test('scenario 5: a case-only rename comes to it as one rename, of files and folders, and goes from it', async () => {
    put(desktop, 'Foo', 'file')
    put(desktop, 'Bar/in', 'in')
    await settle(desktop, mac)
    const before = ['Foo', 'Bar', 'Bar/in'].map((path) => statSync(join(mac.folder, path)).ino)
    renameSync(join(desktop.folder, 'Foo'), join(desktop.folder, 'foo'))
    renameSync(join(desktop.folder, 'Bar'), join(desktop.folder, 'BAR'))
    expect(await synced(desktop)).toMatchObject({ pushed: 2, bytesSent: 0 })
    expect(await synced(mac)).toMatchObject({ pushed: 0, applied: 2, bytesReceived: 0 })
    expect(shown(mac)).toEqual({ foo: 'file', 'BAR/': '', 'BAR/in': 'in' })
    expect(['foo', 'BAR', 'BAR/in'].map((path) => statSync(join(mac.folder, path)).ino)).toEqual(before)
    respell(mac, 'foo', 'FOO')
    respell(mac, 'BAR', 'bar')
    expect(await synced(mac)).toMatchObject({ pushed: 2, bytesSent: 0 })
    expect(await synced(desktop)).toMatchObject({ applied: 2, bytesReceived: 0 })
    expect(shown(desktop)).toEqual({ FOO: 'file', 'bar/': '', 'bar/in': 'in' })
    await settle(desktop, mac)
    expect(shown(mac)).toEqual(shown(desktop))
  })

  test('scenario 5: two names that differ in case only both come to it, one under a conflict name; edits go to the right one', async () => {
    put(desktop, 'd/Readme', 'upper')
    put(desktop, 'd/readme', 'lower')
    await settle(desktop, mac)
    expect(Object.values(shown(mac)).filter(Boolean).sort()).toEqual(['lower', 'upper'])
    const odd = names(mac, 'd').find((name) => name.includes('conflicted copy'))!
    const was = text(mac, `d/${odd}`)
    put(mac, `d/${odd}`, `${was}, edited`)
    await settle(mac, desktop)
    const other = was === 'upper' ? 'lower' : 'upper'
    expect(Object.values(shown(desktop)).filter(Boolean).sort()).toEqual([other, `${was}, edited`].sort())
    expect(names(desktop, 'd')).toEqual(['Readme', 'readme'])
  })

  test('scenario 5: folders that differ in case only are one there, and lose nothing', async () => {
    put(desktop, 'Docs/a', 'a')
    put(desktop, 'docs/b', 'b')
    put(desktop, 'docs/a', 'other a')
    await settle(desktop, mac)
    const all = ['a', 'b', 'other a']
    expect(Object.values(shown(mac)).filter(Boolean).sort()).toEqual(all)
    expect(names(mac)).toHaveLength(1)
    renameSync(join(mac.folder, names(mac)[0]!), join(mac.folder, 'papers'))
    await settle(mac, desktop)
    for (const device of [mac, desktop])
      expect(Object.values(shown(device)).filter(Boolean).sort()).toEqual(all)
  })

  test('scenario 5: a file that was replaced by one of its name in another case is replaced there too', async () => {
    put(desktop, 'd/foo', 'old')
    await settle(desktop, mac)
    rmSync(join(desktop.folder, 'd/foo'))
    put(desktop, 'd/Foo', 'new')
    await settle(desktop, mac)
    expect(shown(mac)).toEqual({ 'd/': '', 'd/Foo': 'new' })
    expect(shown(desktop)).toEqual(shown(mac))
  })

  test('scenario 6: NFC and NFD twins both come to it with their contents, and nothing loops', async () => {
    put(desktop, 'caf\u00e9', 'composed')
    put(desktop, 'cafe\u0301', 'decomposed')
    put(desktop, 'u\u0308ber/e\u0301', 'alone')
    await settle(desktop, mac)
    expect(Object.values(shown(mac)).filter(Boolean).sort()).toEqual(['alone', 'composed', 'decomposed'])
    // Spelled as they were, whatever else is found under a conflict name.
    expect(names(mac)).toContain('u\u0308ber')
    expect(names(mac, 'u\u0308ber')).toEqual(['e\u0301'])
    expect(shown(desktop)).toEqual(shown(mac))
  })

  test('scenario 6: a name spelled NFC here and NFD there, with equal contents, is one file', async () => {
    put(desktop, 'caf\u00e9', 'same')
    put(mac, 'cafe\u0301', 'same')
    await settle(desktop, mac)
    expect(Object.values(shown(mac))).toEqual(['same'])
    expect(Object.values(shown(desktop))).toEqual(['same'])
    expect(existsSync(join(mac.folder, names(mac)[0]!))).toBe(true)
  })
})
