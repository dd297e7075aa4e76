/** What travels and what does not: resuming, deltas, long files (scenarios 10, 15; architecture, transfer). */
import type { Progress } from '@pileus/client/drive/context'
import type { Calls } from '@pileus/client/remote/calls'
import { Unreachable } from '@pileus/client/remote/remote'
import { chunkerKey, cutLength } from '@pileus/core/content/chunker'
import { nodeCrypto } from '@pileus/core/crypto/node'
import { CHUNK_MAX_BYTES, LIST_INLINE_ENTRIES } from '@pileus/core/limits'
import { Problem } from '@pileus/core/protocol/problem'
import { describe, expect, it } from 'vitest'
import { chanceOf } from '../world/random.ts'
import { createHome, type Device } from '../world/world.ts'
import { noise, type Scene, setScene } from './scene.ts'

const home = await createHome(chanceOf(8), 2)
let seed = 0
const scene = () => setScene(home, ++seed)
const MiB = 1024 * 1024
type Told = Parameters<Progress>[0]

interface Traffic {
  /** Stored bytes in packs, up and down. */
  sent: number
  received: number
}

/** Counts what a device's line carries, and cuts it when the calls of this name have carried so many bytes. */
function meter(device: Device, cut?: { at: 'putPack' | 'fetch'; after: number }): Traffic {
  const traffic = { sent: 0, received: 0 }
  let broken = false
  device.through = (calls): Calls => ({
    async call(name, input) {
      if (broken) throw new Unreachable('the line is cut')
      if (name === 'putPack') {
        if (cut?.at === 'putPack' && traffic.sent >= cut.after) {
          broken = true
          throw new Unreachable('the line is cut')
        }
        for (const part of (input as unknown as { body: readonly Uint8Array[] }).body)
          traffic.sent += part.length
      }
      const answer = await calls.call(name, input)
      if (name !== 'fetch' && name !== 'chunk') return answer
      return counted(answer as AsyncIterable<Uint8Array>) as unknown as typeof answer
    },
  })
  async function* counted(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const piece of pieces) {
      if (cut?.at === 'fetch' && traffic.received + piece.length > cut.after) {
        broken = true
        throw new Unreachable('the line is cut', undefined, true)
      }
      traffic.received += piece.length
      yield piece
    }
  }
  return traffic
}

describe('interrupted transfers', () => {
  it('an interrupted upload goes on without sending anything again', async () => {
    const { sites } = await scene()
    const [a, b] = sites
    const content = noise(1, 20 * MiB)
    a.write('big', content)
    const first = meter(a.device, { at: 'putPack', after: 10 * MiB })
    await expect(a.sync()).rejects.toThrow(Unreachable)
    expect(first.sent).toBeGreaterThan(10 * MiB)
    const second = meter(a.device)
    await a.sync()
    expect(second.sent).toBeGreaterThan(0)
    expect(first.sent + second.sent).toBeLessThan(content.length * 1.02)
    await b.sync()
    expect(Buffer.compare(b.read('big'), content)).toBe(0)
  })

  it('an interrupted download of many files fetches none again that arrived', async () => {
    const { sites } = await scene()
    const [a, b] = sites
    for (let n = 0; n < 28; n++) a.write(`d/${n}`, noise(n + 1, MiB))
    await a.sync()
    const first = meter(b.device, { at: 'fetch', after: 24 * MiB })
    await expect(b.sync()).rejects.toThrow(Unreachable)
    const second = meter(b.device)
    await b.sync()
    for (const n of [0, 13, 27]) expect(Buffer.compare(b.read(`d/${n}`), a.read(`d/${n}`))).toBe(0)
    expect(b.tree().size).toBe(a.tree().size)
    // What was under way when the line broke, three groups at most, comes again.
    expect(first.received + second.received).toBeLessThan((28 + 24) * MiB * 1.02)
  })

  it.each(['shutting-down', 'too-many-requests', 'device-removed'] as const)(
    'a download that is refused as a whole (%s) says so of no file, and asks for none by itself',
    async (code) => {
      const { sites, settle } = await scene()
      const [a, b] = sites
      for (let n = 0; n < 20; n++) a.put(`${n}`, `text ${n}`)
      await a.sync()
      let refusals = 0
      b.device.through = (calls): Calls => ({
        call(name, input) {
          if (name !== 'fetch') return calls.call(name, input)
          refusals++
          return Promise.reject(new Problem(code, 'not now'))
        },
      })
      await expect(b.sync()).rejects.toMatchObject({ code })
      // As often as one call is repeated.
      expect(refusals).toBeLessThan(10)
      delete b.device.through
      await settle(b)
      expect(b.show()).toEqual(a.show())
    },
  )

  it('an interrupted download of one large file goes on where it was', async () => {
    const { sites } = await scene()
    const [a, b] = sites
    const content = noise(1, 40 * MiB)
    a.write('big', content)
    await a.sync()
    meter(b.device, { at: 'fetch', after: 30 * MiB })
    await expect(b.sync()).rejects.toThrow(Unreachable)
    expect(b.show()).toEqual({})
    const second = meter(b.device)
    await b.sync()
    expect(Buffer.compare(b.read('big'), content)).toBe(0)
    expect(second.received).toBeLessThan(26 * MiB)
    expect(b.files.work.list('staging').names).toEqual([])
  })
})

describe('what is told while it downloads', () => {
  it('are bytes of content, up to the sum that is expected: of new files, and of one of which most is at hand', async () => {
    const { sites } = await scene()
    const [a, b] = sites
    const told: Told[] = []
    const progress = (now: Told) => void (now.phase === 'downloading' && told.push(now))
    const content = noise(1, 20 * MiB)
    a.write('big', content)
    for (let n = 0; n < 5; n++) a.write(`small ${n}`, noise(n + 2, 2_000))
    await a.sync()
    await b.sync({ progress })
    expect(told.at(-1)).toMatchObject({ bytes: 20 * MiB + 10_000, bytesTotal: 20 * MiB + 10_000 })
    told.length = 0
    content.set(noise(9, 100), 10 * MiB)
    a.write('big', content)
    await a.sync()
    const traffic = meter(b.device)
    await b.sync({ progress })
    expect(traffic.received).toBeLessThan(10 * MiB)
    expect(told.at(-1)).toMatchObject({ bytes: 20 * MiB, bytesTotal: 20 * MiB })
  })
})

describe('interrupted transfers on a disk with little room', () => {
  it.each([1, 30])(
    'what was begun is let go where only %d MiB are free, and the file comes whole',
    async (free) => {
      const { sites } = await scene()
      const [a, b] = sites
      const content = noise(1, 36 * MiB)
      a.write('big', content)
      await a.sync()
      meter(b.device, { at: 'fetch', after: 34 * MiB })
      await expect(b.sync()).rejects.toThrow(Unreachable)
      b.files.freeBytes = () => free * MiB
      delete b.device.through
      await b.sync()
      expect(Buffer.compare(b.read('big'), content)).toBe(0)
      expect(b.files.work.list('staging').names).toEqual([])
    },
  )
})

describe('deltas', () => {
  it('a chunk that stands many times in what comes, and for data of two lengths, is fetched once', async () => {
    const { sites } = await scene()
    const [a, b] = sites
    const start = noise(7, 1_000)
    a.write('zeros', new Uint8Array(18 * MiB))
    a.write('start', start)
    // Padding makes the same chunk of both (CNT-13).
    a.write('start and zeros', Buffer.concat([start, new Uint8Array(2)]))
    await a.sync()
    const traffic = meter(b.device)
    expect((await b.sync()).problems).toEqual([])
    expect(traffic.received).toBeLessThan(15 * MiB)
    for (const path of ['zeros', 'start', 'start and zeros'])
      expect(Buffer.compare(b.read(path), a.read(path)), path).toBe(0)
  })

  it('1 KiB inserted into the middle of a 24 MiB file sends and fetches a few chunks', async () => {
    const { sites } = await scene()
    const [a, b] = sites
    const before = noise(1, 24 * MiB)
    a.write('big', before)
    await a.sync()
    await b.sync()
    const middle = 12 * MiB + 12_345
    const after = new Uint8Array(before.length + 1_024)
    after.set(before.subarray(0, middle))
    after.set(noise(2, 1_024), middle)
    after.set(before.subarray(middle), middle + 1_024)
    a.write('big', after)
    const [up, down] = [meter(a.device), meter(b.device)]
    await a.sync()
    await b.sync()
    expect(Buffer.compare(b.read('big'), after)).toBe(0)
    expect(up.sent).toBeLessThan(2 * CHUNK_MAX_BYTES)
    expect(down.received).toBeLessThan(2 * CHUNK_MAX_BYTES)
  })

  it('a disk that gives other bytes than the earlier version had costs another look, and no wrong file', async () => {
    const { sites } = await scene()
    const [a, b] = sites
    const before = noise(1, 24 * MiB)
    a.write('big', before)
    await a.sync()
    await b.sync()
    const after = new Uint8Array(before.length + 1)
    after.set(before.subarray(0, 12 * MiB))
    after.set(before.subarray(12 * MiB), 12 * MiB + 1)
    a.write('big', after)
    await a.sync()
    const { folder } = b.files
    const { read } = folder
    folder.read = (path) => {
      const reader = read.call(folder, path)
      return {
        stat: () => reader.stat(),
        close: () => reader.close(),
        read(into, position) {
          const bytes = reader.read(into, position)
          if (path === 'big' && position === 0) into[100]! ^= 1
          return bytes
        },
      }
    }
    const down = meter(b.device)
    expect((await b.sync()).problems).toEqual([])
    folder.read = read
    expect(Buffer.compare(b.read('big'), after)).toBe(0)
    // The chunk that was new, twice, and the one that came wrong from the disk.
    expect(down.received).toBeLessThan(4 * CHUNK_MAX_BYTES)
  })

  it('appending sends the last chunk, and truncating nothing but it', async () => {
    const { sites } = await scene()
    const [a, b] = sites
    const content = noise(3, 16 * MiB)
    a.write('log', content.subarray(0, 12 * MiB))
    await a.sync()
    await b.sync()
    for (const length of [12 * MiB + 5_000, 9 * MiB]) {
      a.write('log', content.subarray(0, length))
      const [up, down] = [meter(a.device), meter(b.device)]
      await a.sync()
      await b.sync()
      expect(b.read('log').length).toBe(length)
      expect(up.sent).toBeLessThan(CHUNK_MAX_BYTES * 1.2)
      expect(down.received).toBeLessThan(CHUNK_MAX_BYTES * 1.2)
    }
  })

  it('copies of a file, and a file that others have too, are sent once', async () => {
    const { sites } = await scene()
    const [a, b] = sites
    const content = noise(4, 6 * MiB)
    for (let n = 0; n < 5; n++) a.write(`copy ${n}`, content)
    const up = meter(a.device)
    await a.sync()
    expect(up.sent).toBeLessThan(content.length * 1.02)
    b.write('another name', content)
    const other = meter(b.device)
    await b.sync()
    expect(other.sent).toBe(0)
  })
})

describe('long files', () => {
  /** Blocks of about the shortest length that the chunker leaves whole, so that few bytes make many chunks. */
  async function blocksFor({ world }: Scene, count: number): Promise<Uint8Array[]> {
    const { zone } = await world.reader()
    const key = chunkerKey(nodeCrypto, zone.keysOf(1)!.chunkerKey.bytes())
    const found: Uint8Array[] = []
    for (let n = 1; found.length < count; n++) {
      const data = noise(n, 290_000)
      const length = cutLength(key, data, true)
      if (length < data.length) found.push(data.subarray(0, length))
    }
    return found
  }

  it('a file whose chunk list has levels travels, is edited in the middle, and moves only what changed', async () => {
    const it = await scene()
    const [a, b] = it.sites
    const blocks = await blocksFor(it, 4)
    const parts = Array.from({ length: LIST_INLINE_ENTRIES + 4 }, (_, n) => blocks[n % 3]!)
    const content = Buffer.concat(parts)
    a.write('long', content)
    const up = meter(a.device)
    await a.sync()
    expect(up.sent).toBeLessThan(4 * 300_000)
    await b.sync()
    expect(Buffer.compare(b.read('long'), content)).toBe(0)
    parts[200] = blocks[3]!
    const edited = Buffer.concat(parts)
    a.write('long', edited)
    const delta = meter(a.device)
    await a.sync()
    expect(delta.sent).toBeLessThan(2 * 300_000)
    const down = meter(b.device)
    await b.sync()
    expect(down.received).toBeLessThan(2 * 300_000)
    expect(Buffer.compare(b.read('long'), edited)).toBe(0)
    b.move('long', 'renamed')
    expect(await b.sync()).toMatchObject({ pushed: 1, bytesSent: 0 })
    expect(await a.sync()).toMatchObject({ pulled: 1, bytesReceived: 0 })
  })
})
