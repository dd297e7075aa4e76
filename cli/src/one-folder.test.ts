/**
 * Very many files in one folder, through the real command: scenarios 13 and 16. `npm run many-files` does it with the
 * 100,000 files of scenario 16; within `npm test` they are as many as fit there.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { beforeAll, expect, test, vi } from 'vitest'
import { at } from './story/hands.ts'
import { expectSame, household, settle, synced } from './story/household.ts'
import type { DeviceOf } from './story/person.ts'

const FILES = Number(process.env.PILEUS_FILES ?? 10_000)

const home = household('one-folder')
vi.setConfig({ testTimeout: 1_200_000 })
let laptop: DeviceOf
let desktop: DeviceOf
beforeAll(async () => {
  laptop = await home.join('laptop')
  desktop = await home.join('desktop')
})

test('scenario 16: very many files in one folder travel, and what changes among them travels alone', async () => {
  mkdirSync(at(laptop, 'many'))
  for (let n = 0; n < FILES; n++) writeFileSync(at(laptop, `many/file ${n}`), `content ${n}`)
  expect(await synced(laptop)).toMatchObject({ pushed: FILES + 1, problems: [] })
  expect(await synced(desktop)).toMatchObject({ applied: FILES + 1, pushed: 0, problems: [] })
  expectSame(laptop, desktop)
  writeFileSync(at(laptop, 'many/file 7'), 'edited')
  rmSync(at(laptop, 'many/file 8'))
  renameSync(at(laptop, 'many/file 9'), at(laptop, 'many/file with a new name'))
  writeFileSync(at(laptop, 'many/one more'), 'new')
  expect(await synced(laptop)).toMatchObject({ pushed: 4 })
  expect(await synced(desktop)).toMatchObject({ applied: 4, pushed: 0 })
  expect(readFileSync(at(desktop, 'many/file 7'), 'utf8')).toBe('edited')
  expectSame(laptop, desktop)
})

test('scenario 13: a folder of very many files is renamed by one record, no content, and one rename on the other disk', async () => {
  const names = () => readdirSync(desktop.folder).filter((name) => name !== '.pileus')
  expect(names()).toEqual(['many'])
  const before = statSync(at(desktop, 'many')).ino
  renameSync(at(laptop, 'many'), at(laptop, 'lots'))
  expect(await synced(laptop)).toMatchObject({ pushed: 1, bytesSent: 0 })
  expect(await synced(desktop)).toMatchObject({ applied: 1, pulled: 1, pushed: 0, bytesReceived: 0 })
  expect(names()).toEqual(['lots'])
  expect(statSync(at(desktop, 'lots')).ino).toBe(before)
  await settle(laptop, desktop)
  expectSame(laptop, desktop)
})
