/** Everything that goes wrong for a person ends in one clear sentence, an exit code, and nothing lost. */
import { spawn } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { beforeAll, expect, test, vi } from 'vitest'
import { expectFailure } from './story/failure.ts'
import { household, WITHIN } from './story/household.ts'
import { createDevice, type DeviceOf } from './story/person.ts'

const home = household('bad', { PILEUS_QUOTA_BYTES: '3000000' })
let laptop: DeviceOf & { phrase: string }

beforeAll(async () => {
  laptop = await home.join('laptop')
  mkdirSync(join(laptop.folder, 'many'))
  for (let i = 0; i < 30; i++) writeFileSync(join(laptop.folder, 'many', `${i}`), `file ${i}`)
  await laptop.step('sync --once')
})

const quiet = { env: { PILEUS_DEBUG: '' } }
let devices = 0
const another = () => createDevice(home.root, `other ${devices++}`)

test('a wrong password and an unknown account are told alike', async () => {
  const wrong = { env: { PILEUS_DEBUG: '', PILEUS_PASSWORD: 'not the password' } }
  expectFailure(
    await another().run(`login ana --server ${home.server.url}`, wrong),
    3,
    /The name or the password is wrong/,
  )
  expectFailure(
    await another().run(`login nobody --server ${home.server.url}`, quiet),
    3,
    /The name or the password is wrong/,
  )
})

test('a home that cannot be used is told of before an account is made', async () => {
  const env = { PILEUS_DEBUG: '', PILEUS_HOME: laptop.folder }
  expectFailure(
    await another().run(`signup eva --server ${home.server.url}`, { env }),
    2,
    /holds other things already/,
  )
  const eva = another()
  await eva.ok(`signup eva --server ${home.server.url}`)
})

test('the local database, which holds names, is readable by this user only', () => {
  for (const name of readdirSync(laptop.home).filter((file) => file.startsWith('drive.db')))
    expect([name, statSync(join(laptop.home, name)).mode & 0o777]).toEqual([name, 0o600])
})

test('a taken name', async () => {
  const env = { PILEUS_DEBUG: '', PILEUS_KEYS: '' }
  const device = another()
  const ended = await device.run(`signup ana --server ${home.server.url}`, { env })
  expectFailure(ended, 2, /taken: choose another/)
  expect(existsSync(device.home)).toBe(false)
})

test('a wrong phrase, and one with a misspelt word', async () => {
  const device = another()
  const phrase = (text: string) => ({
    env: { PILEUS_DEBUG: '', PILEUS_PHRASE: text, PILEUS_NEW_PASSWORD: 'a new password' },
  })
  const other = `legal winner thank year wave sausage worth useful legal winner thank year wave sausage worth useful legal winner thank year wave sausage worth title`
  expectFailure(
    await device.run(`recover ana --server ${home.server.url}`, phrase(other)),
    3,
    /recovery phrase is wrong/,
  )
  const misspelt = laptop.phrase.replace(/^\w+/, 'abandonn')
  expectFailure(
    await device.run(`recover ana --server ${home.server.url}`, phrase(misspelt)),
    3,
    /word 1, "abandonn"/,
  )
  expectFailure(
    await device.run(`recover ana --server ${home.server.url}`, phrase(`${'abandon '.repeat(23)}art`)),
    3,
    /recovery phrase is wrong/,
  )
  expectFailure(
    await device.run(`recover ana --server ${home.server.url}`, phrase('abandon art')),
    3,
    /2 words and should have 24/,
  )
  expect(existsSync(device.home)).toBe(false)
})

test('something that answers but is no Pileus server', async () => {
  const other = createServer((_request, response) => response.end('<h1>It works!</h1>')).listen(0)
  const { port } = other.address() as AddressInfo
  const ended = await another().run(`login ana --server http://localhost:${port}`, quiet)
  other.close()
  expectFailure(ended, 4, /it is not a Pileus server/)
})

test('a removed device is told so, keeps its files, and can come back', async () => {
  const device = await home.join('lost')
  await device.step('sync --once')
  const status = async (line = 'status') => (await device.step(line)).stdout
  expect(JSON.parse(await status('status --json'))).toMatchObject({ removed: false })
  await laptop.step('devices remove lost')
  const said = `lost, removed from the account: \`pileus login --server ${home.server.url} ana\` adds it again`
  expect(await status()).toContain(said)
  expectFailure(await device.run('sync --once', quiet), 3, /This device was removed from the account/)
  expectFailure(await device.run('passwd', quiet), 3, /This device was removed from the account/)
  expect(readFileSync(join(device.folder, 'many/7'), 'utf8')).toBe('file 7')
  expectFailure(await laptop.run('devices remove lost', quiet), 2, /"lost" was removed already, on \d{4}-/)
  await device.step(`login ana --server ${home.server.url}`)
  expect(await status()).not.toContain('removed')
  await device.step('sync --once')
})

test('a removed device whose keys are sealed says so once it has heard of it', async () => {
  const sealed = { env: { PILEUS_DEBUG: '', PILEUS_KEYS: 'passphrase', PILEUS_PASSPHRASE: 'open sesame' } }
  const device = createDevice(home.root, 'sealed')
  await device.step(`login ana --server ${home.server.url}`, sealed)
  await laptop.step('devices remove sealed')
  const removed = async () => JSON.parse((await device.step('status --json')).stdout).removed
  expect(await removed()).toBe(false)
  expectFailure(await device.run('whoami', sealed), 3, /This device was removed from the account/)
  expect(await removed()).toBe(true)
})

test('a quota that is exceeded, until something is deleted', async () => {
  const big = join(laptop.folder, 'big')
  writeFileSync(
    big,
    Buffer.alloc(4_000_000).map(() => Math.random() * 256),
  )
  // What fits is sent, wherever it lies beside what does not.
  for (const name of ['a small one', 'small']) writeFileSync(join(laptop.folder, name), 'fits')
  const ended = await laptop.run('sync --once', quiet)
  const named =
    /^not synced: big: the account has no room left for its 4,[\d,]+ bytes; take it out of the folder, or/m
  expect(ended.stderr).toMatch(named)
  expect(ended.stdout).toMatch(/^Sent 2 changes .*Synced all but 1 path\.$/m)
  expect(ended.code).toBe(6)
  const status = async () => (await laptop.step('status')).stdout
  expect(await status()).toMatch(named)
  const desktop = await home.join('desktop')
  await desktop.step('sync --once')
  expect(readdirSync(desktop.folder).sort()).toEqual(['.pileus', 'a small one', 'many', 'small'])
  const live = home.live(laptop)
  await vi.waitFor(() => expect(live.output()).toMatch(named), WITHIN)
  writeFileSync(join(laptop.folder, 'later'), 'fits')
  await expect.poll(async () => (await laptop.step('ls')).stdout, WITHIN).toContain('later')
  // The folder is not up to date for that.
  await expect.poll(status, WITHIN).toMatch(/^sync +up to date but for 1 path$/m)
  expect(live.output()).not.toContain('is up to date')
  rmSync(big)
  await vi.waitFor(() => expect(live.output()).toContain('is up to date'), WITHIN)
  expect(await live.stop()).toBe(0)
  for (const name of ['a small one', 'small', 'later']) rmSync(join(laptop.folder, name))
  await laptop.step('sync --once')
})

test('many deletions at once are held, and the person decides', async () => {
  const many = join(laptop.folder, 'many')
  renameSync(many, join(home.root, 'away'))
  const held = await laptop.run('sync --once', quiet)
  expect(held.stderr).toMatch(/31 deletions held back.*--deletions accept.*--deletions undo/)
  expect(held.code).toBe(5)
  expect((await laptop.step('status')).stdout).toMatch(/31 deletions held back.*--deletions accept/)
  await laptop.ok('sync --once --deletions undo')
  expect(readdirSync(many)).toHaveLength(30)
})

test('scenario 9: a folder that vanished is not taken for deletions', async () => {
  renameSync(laptop.folder, join(home.root, 'unmounted'))
  expectFailure(await laptop.run('sync --once', quiet), 5, /nothing deleted: bring the folder back/)
  mkdirSync(laptop.folder)
  expectFailure(await laptop.run('sync --once', quiet), 5, /marker file \.pileus is missing/)
  rmSync(laptop.folder, { recursive: true })
  renameSync(join(home.root, 'unmounted'), laptop.folder)
  await laptop.step('sync --once')
})

test('two syncs at once: the second ends at once and changes nothing', async () => {
  const lock = new URL('../../client/src/keys/node-folder-lock.ts', import.meta.url).href
  const script = `import { lockFolder } from ${JSON.stringify(lock)}
    const lock = lockFolder(${JSON.stringify(laptop.home)}); console.log('locked'); setInterval(() => lock, 1000)`
  const other = spawn(process.execPath, ['--input-type=module-typescript', '-e', script])
  await new Promise((resolve) => other.stdout.once('data', resolve))
  expectFailure(await laptop.run('sync --once', quiet), 7, /another sync is running|Another sync is running/)
  other.kill('SIGKILL')
  await new Promise((resolve) => other.once('exit', resolve))
  await laptop.step('sync --once')
})

test('a folder inside a synced folder, and the same folder for a second device', async () => {
  const device = another()
  await device.step(`login ana --server ${home.server.url}`)
  expectFailure(
    await device.run(['link', join(laptop.folder, 'many')], quiet),
    2,
    /lies inside the synced folder/,
  )
  expectFailure(await device.run(['link', laptop.folder], quiet), 2, /is the synced folder of/)
  expectFailure(await device.run(['link', home.root], quiet), 2, /choose a folder apart/)
})

test('what the account holds is not known before the first sync, and that is said', async () => {
  const device = await home.join('new')
  const said = expect.stringContaining('Nothing is known of the account here yet')
  for (const line of ['ls', 'ls many'])
    expect(await device.step(line, quiet)).toMatchObject({ stdout: '', stderr: said })
  await device.step('sync --once')
  expect(await device.step('ls many', quiet)).toMatchObject({
    stdout: expect.stringContaining('29'),
    stderr: '',
  })
})

test('a folder with the data of the running server, which would be sent again and again', async () => {
  const device = another()
  await device.step(`login ana --server ${home.server.url}`)
  for (const folder of ['data', 'data/blobs'])
    expectFailure(
      await device.run(['link', join(home.root, folder)], quiet),
      2,
      /where a Pileus server keeps its data.*choose a folder apart/,
    )
})

test('a damaged local database: said so, nothing lost, and linking again mends it', async () => {
  const device = await home.join('damaged')
  await device.step('sync --once')
  writeFileSync(join(device.home, 'drive.db'), 'this is no database, whatever its name says')
  for (const suffix of ['-wal', '-shm']) rmSync(join(device.home, `drive.db${suffix}`), { force: true })
  expectFailure(await device.run('sync --once', quiet), 8, /database .* is damaged/)
  expectFailure(await device.run('status', quiet), 8, /database .* is damaged/)
  await device.ok('unlink')
  await device.ok(['link', device.folder])
  const { stdout } = await device.step('sync --once --json')
  expect(JSON.parse(stdout)).toMatchObject({ pushed: 0, bytesReceived: 0, conflicts: [] })
})

test('a damaged pack on the server is reported by path and never written into a file', async () => {
  writeFileSync(join(laptop.folder, 'precious'), 'one of a kind')
  await laptop.step('sync --once')
  const packs = readdirSync(join(home.root, 'data'), { recursive: true, encoding: 'utf8' })
    .map((name) => join(home.root, 'data', name))
    .filter((path) => statSync(path).isFile() && readFileSync(path).subarray(0, 4).toString() === 'PLPK')
  const newest = packs.sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)[0]!
  const bytes = readFileSync(newest)
  bytes[bytes.length - 5]! ^= 0xff
  writeFileSync(newest, bytes)
  const device = await home.join('unlucky')
  const ended = await device.run('sync --once', quiet)
  expect(ended.stderr).toContain('precious')
  expect([5, 8]).toContain(ended.code)
  expect(existsSync(join(device.folder, 'precious'))).toBe(false)
  expect(readFileSync(join(device.folder, 'many/7'), 'utf8')).toBe('file 7')
  bytes[bytes.length - 5]! ^= 0xff
  writeFileSync(newest, bytes)
  await device.ok('sync --once')
  expect(readFileSync(join(device.folder, 'precious'), 'utf8')).toBe('one of a kind')
})

test('Ctrl-C ends with 130 and the next sync goes on', async () => {
  const device = await home.join('hasty')
  // Once the first folder is there the sync is at work, and may be through before the signal reaches it.
  const interruptWhen = () => existsSync(join(device.folder, 'many'))
  const stopped = await device.run('sync --once', { ...quiet, interruptWhen })
  expect([0, 130]).toContain(stopped.code)
  await device.ok('sync --once')
  expect(readFileSync(join(device.folder, 'many/7'), 'utf8')).toBe('file 7')
})

test('a server that is down, and keys that are damaged', async () => {
  await home.server.stop()
  expectFailure(await laptop.run('sync --once', quiet), 4, /nothing listens there/)
  expect((await laptop.step('ls many')).stdout.split('\n')).toHaveLength(31)
  writeFileSync(join(laptop.home, 'keys.json'), '{"format":1,"keeping":"file","clear":"{}"}')
  expectFailure(await laptop.run('whoami', quiet), 8, /keys are damaged.*pileus login/)
})
