/**
 * The founding story: two devices of one person and a real server, all processes of their own; a real tree of
 * thousands of files; edits on both sides; and a server that learnt nothing.
 */
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { expectQuiet, household } from './story/household.ts'
import { LeakSearch, type Secret } from './story/leaks.ts'
import { type DeviceOf, PASSWORD, secretsOf } from './story/person.ts'
import { copyRealTree, describeTree, differences, plantOddities } from './story/tree.ts'

const FILES = 5_000

describe('two devices and a real tree of 5,000 files', { timeout: 300_000 }, () => {
  const home = household('story', { PILEUS_LOG_LEVEL: 'debug' })
  let laptop: DeviceOf & { phrase: string }
  let desktop: DeviceOf

  beforeAll(async () => {
    laptop = await home.join('laptop')
    desktop = await home.join('desktop')
    copyRealTree(join(import.meta.dirname, '../../node_modules'), join(laptop.folder, 'real'), FILES)
    plantOddities(laptop.folder)
  })

  async function syncAll(): Promise<void> {
    for (const device of [laptop, desktop, laptop, desktop]) await device.step('sync --once')
  }

  async function expectRest(): Promise<void> {
    expect(differences(describeTree(laptop.folder), describeTree(desktop.folder))).toEqual([])
    await expectQuiet(laptop, desktop)
  }

  test('the whole tree arrives: contents, empty folders, links, executable bits, mtimes, odd names', async () => {
    const sent = await laptop.ok('sync --once')
    expect(sent).toMatchObject({
      stdout: expect.stringMatching(/^Sent [\d,]+ changes \([\d.]+ MB\) in [\d.]+ s\.\n$/),
      stderr: '',
    })
    // No terminal, no progress; with --quiet nothing at all.
    expect(await desktop.ok('sync --once --quiet')).toMatchObject({ stdout: '', stderr: '' })
    expect(describeTree(desktop.folder).size).toBeGreaterThan(FILES)
    await expectRest()
  })

  test('scenario 13: a folder of thousands of files is renamed by one record and no content', async () => {
    renameSync(join(laptop.folder, 'real'), join(laptop.folder, 'renamed'))
    const { stdout } = await laptop.ok('sync --once --json')
    expect(JSON.parse(stdout)).toMatchObject({ pushed: 1, bytesSent: 0 })
    const received = await desktop.ok('sync --once --json')
    expect(JSON.parse(received.stdout)).toMatchObject({ bytesReceived: 0 })
    await expectRest()
  })

  test('edits, appends, creations, moves and deletions on both sides, offline, all arrive', async () => {
    const a = laptop.folder
    const b = desktop.folder
    const some = readdirSync(join(a, 'renamed'), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
      .map((entry) => entry.name)
      // So few that the guard does not ask whether they are meant to be deleted.
      .filter((name) => readdirSync(join(a, 'renamed', name), { recursive: true }).length < 500)
    writeFileSync(join(a, 'odd/one byte.bin'), 'edited on the laptop')
    appendFileSync(join(a, 'odd/several chunks of noise.bin'), 'appended on the laptop')
    renameSync(join(a, 'odd/-rf'), join(a, 'odd/renamed on the laptop'))
    rmSync(join(a, 'odd/nothing in here.txt'))
    mkdirSync(join(b, 'new on the desktop'))
    writeFileSync(join(b, 'new on the desktop/file'), 'made on the desktop')
    renameSync(join(b, 'renamed', some[0]!), join(b, 'new on the desktop', 'moved'))
    rmSync(join(b, 'renamed', some[1]!), { recursive: true })
    // One file renamed on one side and edited on the other: both hold (R2).
    renameSync(join(a, 'odd/run me.sh'), join(a, 'odd/ran.sh'))
    appendFileSync(join(b, 'odd/run me.sh'), 'echo edited on the desktop\n')
    await syncAll()
    await expectRest()
    expect(readFileSync(join(b, 'odd/one byte.bin'), 'utf8')).toBe('edited on the laptop')
    expect(readFileSync(join(b, 'odd/several chunks of noise.bin')).subarray(9_000_001).toString()).toBe(
      'appended on the laptop',
    )
    expect(readFileSync(join(a, 'odd/ran.sh'), 'utf8')).toContain('edited on the desktop')
    expect(readdirSync(join(b, 'odd'))).toContain('renamed on the laptop')
    expect(readdirSync(join(b, 'odd'))).not.toContain('nothing in here.txt')
    expect(readdirSync(join(a, 'new on the desktop')).sort()).toEqual(['file', 'moved'])
    expect(readdirSync(join(a, 'renamed'))).not.toContain(some[1])
  })

  test('scenario 14: clashing edits of one file keep both versions, on both devices', async () => {
    writeFileSync(join(laptop.folder, 'odd/one byte.bin'), 'the laptop’s version')
    writeFileSync(join(desktop.folder, 'odd/one byte.bin'), 'the desktop’s version')
    await syncAll()
    expect(differences(describeTree(laptop.folder), describeTree(desktop.folder))).toEqual([])
    const versions = readdirSync(join(laptop.folder, 'odd'))
      .filter((name) => name.startsWith('one byte'))
      .map((name) => readFileSync(join(laptop.folder, 'odd', name), 'utf8'))
    expect(versions.sort()).toEqual(['the desktop’s version', 'the laptop’s version'])
  })

  test('a restart of the server loses nothing and changes nothing', async () => {
    expect(await home.server.stop()).toBe(0)
    expect((await laptop.run('sync --once')).code).toBe(4)
    await home.restart()
    await syncAll()
    expect(differences(describeTree(laptop.folder), describeTree(desktop.folder))).toEqual([])
  })

  test('the server’s folder and log hold no name, content, key, password or phrase', () => {
    const secrets = [
      ...secretsOf(laptop),
      ...secretsOf(desktop),
      { what: 'the password', bytes: Buffer.from(PASSWORD) },
      { what: 'the phrase', bytes: Buffer.from(laptop.phrase) },
      ...namesAndContents(laptop.folder),
    ]
    expect(secrets.length).toBeGreaterThan(FILES)
    const search = new LeakSearch(secrets)
    // The search works: what a device keeps for itself does hold names and keys.
    const own = search.inFolder(laptop.home)
    for (const { what } of secretsOf(laptop)) expect(own.get(what)).toBe('keys.json')
    expect(own.size).toBeGreaterThan(1_000)
    expect([...search.inFolder(join(home.root, 'data'))]).toEqual([])
    expect([...search.in(readFileSync(home.server.log))]).toEqual([])
  })
})

/** Every name, and a piece of every content, that is too special to turn up by accident. */
function namesAndContents(folder: string): Secret[] {
  const secrets = new Map<string, Secret>()
  for (const [path, what] of describeTree(folder)) {
    const name = path.split('/').at(-1)!
    if (Buffer.byteLength(name) >= 12)
      secrets.set(name, { what: `the name ${name}`, bytes: Buffer.from(name) })
    if (!what.startsWith('file')) continue
    const content = readFileSync(join(folder, path))
    const piece = content.subarray(content.length >> 1, (content.length >> 1) + 24)
    if (new Set(piece).size >= 12) secrets.set(path, { what: `the content of ${path}`, bytes: piece })
  }
  return [...secrets.values()]
}
