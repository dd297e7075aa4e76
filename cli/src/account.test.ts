/** Signing up, in and back in, passwords and devices: real processes against a real server. */
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stripVTControlCharacters as plain } from 'node:util'
import { expect, test } from 'vitest'
import { pileusOnTerminal } from './running.ts'
import { household } from './story/household.ts'
import { createDevice, PASSWORD } from './story/person.ts'

const home = household('account')
const newDevice = (name: string) => createDevice(home.root, name)

test('the phrase is shown once, at sign-up; keys in clear are told of and private', async () => {
  const phone = newDevice('phone')
  const { stdout, stderr } = await phone.ok(`signup ana --server ${home.server.url}`, {
    env: { PILEUS_KEYS: '' },
  })
  expect(stdout.match(/\b\d+ [a-z]{3,8}\b/g)).toHaveLength(24)
  expect(stderr).toMatch(/^Keys are kept readable by this user only, not sealed, in \S+keys\.json/)
  expect(statSync(phone.home).mode & 0o777).toBe(0o700)
  expect(statSync(join(phone.home, 'keys.json')).mode & 0o777).toBe(0o600)
  const { stdout: status } = await phone.step('status')
  expect(status).toMatch(/keys +in a file readable by this user only, not sealed/)
  expect(status).toMatch(/folder +none/)
  const again = await phone.run(`login ana --server ${home.server.url}`)
  expect(again).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('signed in here already, as phone'),
  })
  const anew = await phone.run(`signup ana --server ${home.server.url}`)
  expect(anew).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('signed in here already, as phone'),
  })
  const other = await phone.run(`signup eva --server ${home.server.url}`)
  expect(other).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('give the other account its own --home'),
  })
})

test('keys under a passphrase open with it alone', async () => {
  const tablet = newDevice('tablet')
  const sealed = { env: { PILEUS_KEYS: 'passphrase', PILEUS_PASSPHRASE: 'open sesame' } }
  await tablet.ok(`login ana --server ${home.server.url}`, sealed)
  expect(readFileSync(join(tablet.home, 'keys.json'), 'utf8')).not.toContain('accountKey')
  expect((await tablet.run('whoami')).stderr).toContain('set PILEUS_PASSPHRASE')
  const wrong = await tablet.run('whoami', { env: { PILEUS_PASSPHRASE: 'open barley' } })
  expect(wrong).toMatchObject({ code: 3, stderr: expect.stringContaining('does not open') })
  const { stdout } = await tablet.step('whoami --json', sealed)
  expect(JSON.parse(stdout)).toMatchObject({ name: 'ana', deviceName: 'tablet', keys: 'passphrase' })
  expect((await tablet.step('status')).stdout).toContain('sealed by a passphrase')
})

test('devices are listed by name, and removed by name or id', async () => {
  const phone = newDevice('phone')
  const list = async () =>
    (JSON.parse((await phone.step('devices --json')).stdout) as { devices: Record<string, unknown>[] })
      .devices
  const devices = await list()
  expect(devices.map(({ name, thisDevice, certified }) => ({ name, thisDevice, certified }))).toEqual([
    { name: 'phone', thisDevice: true, certified: true },
    { name: 'tablet', thisDevice: false, certified: true },
  ])
  expect((await phone.run('devices remove nonsense')).code).toBe(2)
  await phone.ok(['devices', 'remove', String(devices[1]!.id).slice(0, 8)])
  expect((await phone.step('devices')).stdout).toMatch(/tablet +removed \d{4}-\d\d-\d\d/)
})

test('a name that a device in use has is refused where it was asked for, else numbered', async () => {
  const again = newDevice('again')
  const asked = { env: { PILEUS_DEBUG: '', PILEUS_DEVICE_NAME: 'Phone' } }
  const taken = await again.run(`login ana --server ${home.server.url}`, asked)
  expect(taken).toMatchObject({
    code: 2,
    stderr:
      'pileus: The account has a device called "Phone" already: choose another name, or remove that one first with `pileus devices remove`.\n',
  })
  // The one called so was removed.
  await again.step(`login ana --server ${home.server.url}`, { env: { PILEUS_DEVICE_NAME: 'tablet' } })
  const host = { env: { PILEUS_DEVICE_NAME: '' } }
  const names: string[] = []
  for (const place of ['first', 'second']) {
    const device = newDevice(place)
    await device.step(`login ana --server ${home.server.url}`, host)
    names.push((JSON.parse((await device.step('whoami --json')).stdout) as { deviceName: string }).deviceName)
  }
  expect(names[1]).toBe(`${names[0]} 2`)
})

test('a changed password opens, the old one does not; the phrase opens whatever the password is', async () => {
  const desk = newDevice('desk')
  const signedUp = await desk.step(`signup eva --server ${home.server.url} --json`)
  const { phrase } = JSON.parse(signedUp.stdout) as { phrase: string }
  const next = 'a second password'
  const wrong = await desk.run('passwd', {
    env: { PILEUS_PASSWORD: 'not this one', PILEUS_NEW_PASSWORD: next },
  })
  expect(wrong).toMatchObject({
    code: 3,
    stderr: expect.stringContaining('The current password is wrong'),
  })
  await desk.ok('passwd', { env: { PILEUS_NEW_PASSWORD: next } })

  const car = newDevice('car')
  expect((await car.run(`login eva --server ${home.server.url}`)).code).toBe(3)
  await car.step(`login eva --server ${home.server.url}`, { env: { PILEUS_PASSWORD: next } })

  const boat = newDevice('boat')
  const askedFor = { PILEUS_PHRASE: phrase, PILEUS_NEW_PASSWORD: 'never set', PILEUS_DEVICE_NAME: 'car' }
  expect((await boat.run(`recover eva --server ${home.server.url}`, { env: askedFor })).code).toBe(2)
  await car.step('passwd', { env: { PILEUS_PASSWORD: next, PILEUS_NEW_PASSWORD: next } })
  const recovered = { env: { PILEUS_PHRASE: `  ${phrase.toUpperCase()} `, PILEUS_NEW_PASSWORD: PASSWORD } }
  await boat.ok(`recover eva --server ${home.server.url}`, recovered)
  expect((await boat.step('whoami')).stdout).toMatch(/device +boat/)
  expect(
    (await car.run('passwd', { env: { PILEUS_PASSWORD: next, PILEUS_NEW_PASSWORD: 'x'.repeat(9) } })).code,
  ).toBe(3)
})

test('on a terminal a sync shows its progress on a line that it takes away', async () => {
  const device = newDevice('desk')
  await device.step(['link', device.folder])
  for (let i = 0; i < 200; i++) writeFileSync(join(device.folder, `${i}`), `file ${i}`)
  const { screen, code } = await pileusOnTerminal(['sync', '--once'], [], device.env)
  expect(code).toBe(0)
  expect(screen).toContain('\r\u001b[Kconnecting …')
  expect(screen).toMatch(/uploading {2}\d/)
  expect(screen.split('\r\u001b[K').at(-1)).toMatch(/^Sent 200 changes \([\d.]+ kB\) in [\d.]+ s\.\s*$/)
})

test('on a terminal a question and a sentence have lines of their own beside the progress', async () => {
  const device = newDevice('sealed')
  const sealed = { env: { PILEUS_KEYS: 'passphrase', PILEUS_PASSPHRASE: 'open sesame' } }
  await device.step(`signup fay --server ${home.server.url}`, sealed)
  await device.step(['link', device.folder], sealed)
  const asked = ['Passphrase', 'open sesame\n'] as const
  const once = await pileusOnTerminal(['sync', '--once'], [asked], device.env)
  expect(plain(once.screen)).toMatch(/^Passphrase[^\r\n]+\r\n\rconnecting …\r/)
  const stays = await pileusOnTerminal(['sync'], [asked, ['is up to date.', '\u0003']], device.env)
  expect(plain(stays.screen)).toMatch(/^Passphrase[^\r\n]+\r\nKeeping [^\r\n]+\r\n\rconnecting …\r/)
  // With all that was shown, so that a failure says what it had to say.
  expect([once, stays]).toMatchObject([{ code: 0 }, { code: 0 }])
})
