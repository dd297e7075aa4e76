/**
 * Content that goes from an S3 store to devices without passing through the server (SRV-49): the real command, server and
 * store, with every byte that the server sends counted.
 */
import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { withEngine } from '@pileus/engines/in-tests'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { becomeSame, expectQuiet, expectSame, household, synced, WITHIN } from './story/household.ts'
import type { DeviceOf } from './story/person.ts'
import { startProxy } from './story/proxy.ts'

const LARGE_BYTES = 24_000_000
const SMALL_FILES = 300
const SMALL_BYTES = 20_000
const CONTENT_BYTES = LARGE_BYTES + SMALL_FILES * SMALL_BYTES
/** What no output and no log may hold. */
const SIGNATURE = /X-Amz-|Signature=/i

await withEngine('s3', 'direct reads, end to end', async ({ settings }) => {
  const store = await startProxy(settings.PILEUS_S3_ENDPOINT!)
  const home = household('direct', {
    ...settings,
    PILEUS_BLOBS: 's3',
    PILEUS_S3_DIRECT_READS: 'on',
    PILEUS_S3_PUBLIC_URL: store.url,
    PILEUS_LOG_LEVEL: 'debug',
  })
  let server: Awaited<ReturnType<typeof startProxy>>
  let laptop: DeviceOf

  beforeAll(async () => {
    server = await startProxy(home.server.url)
    laptop = await home.join('laptop')
    writeFileSync(join(laptop.folder, 'large'), randomBytes(LARGE_BYTES))
    mkdirSync(join(laptop.folder, 'small'))
    for (let n = 0; n < SMALL_FILES; n++)
      writeFileSync(join(laptop.folder, 'small', `${n}`), randomBytes(SMALL_BYTES))
    await synced(laptop)
  })
  afterAll(() => {
    for (const proxy of [server, store]) proxy.close()
    expect(readFileSync(home.server.log, 'utf8')).not.toMatch(SIGNATURE)
  })

  /** A new device whose every byte from the server is counted, after its first sync. */
  async function joined(name: string) {
    const device = await home.join(name, server.url)
    const [fromServer, fromStore] = [server.bytesServed, store.bytesServed]
    const { stderr } = await device.ok('sync --once')
    expect(stderr).not.toMatch(SIGNATURE)
    expectSame(laptop, device)
    return {
      device,
      stderr,
      fromServer: server.bytesServed - fromServer,
      fromStore: store.bytesServed - fromStore,
    }
  }

  test('content comes from the store alone', async () => {
    const { device, stderr, fromServer, fromStore } = await joined('desktop')
    console.log(`of ${CONTENT_BYTES} bytes of content the server sent ${fromServer}, the store ${fromStore}`)
    expect(stderr).not.toContain('through the server')
    expect(fromStore).toBeGreaterThan(CONTENT_BYTES)
    expect(fromStore).toBeLessThan(CONTENT_BYTES * 1.1)
    // Records, each with its keys and the ids of its chunks; places; and the session.
    expect(fromServer).toBeLessThan(1_500 * (SMALL_FILES + 100))
    expect(stderr).not.toContain('through the server')
    await expectQuiet(laptop, device)
    expect(await (await fetch(`${home.server.url}/metrics`)).text()).toMatch(
      /^icloud_bytes_directed_total [1-9]\d{7}$/m,
    )
  })

  test('a store that does not answer: one sentence, and everything comes through the server', async () => {
    store.silence('all')
    try {
      const { stderr, fromServer } = await joined('tablet')
      expect(stderr).toMatch(
        /^content comes through the server, because 127\.0\.0\.1:\d+ is too slow: nothing is lost, but whoever runs the server should know$/m,
      )
      expect(stderr.match(/through the server/g)).toHaveLength(1)
      expect(fromServer).toBeGreaterThan(CONTENT_BYTES)
    } finally {
      store.silence('none')
    }
  })

  test('a sync that stays says it in `status`, and syncs', async () => {
    const phone = await home.join('phone', server.url)
    store.silence('all')
    try {
      const live = home.live(phone)
      await becomeSame(laptop, phone)
      let told = ''
      const status = async () => (told = (await phone.step('status')).stdout)
      // The report is written a moment after the files are there.
      const slow = /^content comes through the server, because 127\.0\.0\.1:\d+ is too slow/m
      await expect.poll(status, WITHIN).toMatch(slow)
      expect(live.output() + told).not.toMatch(SIGNATURE)
    } finally {
      store.silence('none')
    }
  })
})
