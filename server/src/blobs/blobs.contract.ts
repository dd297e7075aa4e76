/** What every engine of the blobs port must do. Run by blobs.test.ts on each. */
import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DamagedStorage } from '../engine-errors.ts'
import { type BlobKey, BlobMissing, type Blobs } from './blobs.ts'

const newKey = (): BlobKey => ({
  zone: randomBytes(32).toString('hex'),
  object: randomBytes(32).toString('hex'),
})

async function* parts(...bytes: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* bytes
}

async function read(blobs: Blobs, key: BlobKey, offset: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length)
  await blobs.read(key, offset, bytes)
  return bytes
}

/** `open` gives a new empty engine. */
export function blobsContract(name: string, open: () => Promise<Blobs>): void {
  describe(`blobs on ${name}`, () => {
    let blobs: Blobs
    beforeEach(async () => {
      blobs = await open()
    })
    afterEach(() => blobs.close())

    it('reads back any range of what was put in parts', async () => {
      const key = newKey()
      const bytes = randomBytes(3_000_000)
      await blobs.put(
        key,
        parts(bytes.subarray(0, 1), bytes.subarray(1, 2_000_000), bytes.subarray(2_000_000)),
      )
      expect(await blobs.exists(key)).toBe(true)
      expect(Buffer.compare(await read(blobs, key, 0, bytes.length), bytes)).toBe(0)
      expect(
        Buffer.compare(await read(blobs, key, 1_999_990, 20), bytes.subarray(1_999_990, 2_000_010)),
      ).toBe(0)
      expect(await read(blobs, key, 5, 0)).toHaveLength(0)
    })

    it('does not hold on to the memory of the parts', async () => {
      const key = newKey()
      async function* reused() {
        const buffer = Buffer.alloc(2_000_000)
        for (const value of [1, 2, 3]) yield buffer.fill(value)
      }
      await blobs.put(key, reused())
      expect([...(await read(blobs, key, 1_999_999, 2))]).toEqual([1, 2])
    })

    it('shows nothing of an object whose source failed', async () => {
      const key = newKey()
      async function* broken() {
        yield randomBytes(2_000_000)
        throw new Error('the connection was cut')
      }
      await expect(blobs.put(key, broken())).rejects.toThrow('the connection was cut')
      expect(await blobs.exists(key)).toBe(false)
      await expect(read(blobs, key, 0, 1)).rejects.toThrow(BlobMissing)
    })

    it('takes the same object again, also at the same time', async () => {
      const key = newKey()
      const bytes = randomBytes(100_000)
      await Promise.all([blobs.put(key, parts(bytes)), blobs.put(key, parts(bytes))])
      await blobs.put(key, parts(bytes))
      expect(Buffer.compare(await read(blobs, key, 0, bytes.length), bytes)).toBe(0)
    })

    it('takes an object of the largest size and beyond, whole', async () => {
      const key = newKey()
      const piece = randomBytes(1_048_576)
      async function* many() {
        for (let n = 0; n < 24; n++) yield piece
      }
      await blobs.put(key, many())
      expect(
        Buffer.compare(
          await read(blobs, key, 23 * piece.length - 5, 10),
          Buffer.concat([piece.subarray(-5), piece.subarray(0, 5)]),
        ),
      ).toBe(0)
      await expect(read(blobs, key, 24 * piece.length - 1, 2)).rejects.toThrow(DamagedStorage)
    })

    it('shows nothing of a large object whose source failed late', async () => {
      const key = newKey()
      async function* broken() {
        for (let n = 0; n < 24; n++) yield new Uint8Array(1_048_576)
        throw new Error('the connection was cut')
      }
      await expect(blobs.put(key, broken())).rejects.toThrow('the connection was cut')
      expect(await blobs.exists(key)).toBe(false)
    })

    it('says that an object is damaged when it is shorter than the range', async () => {
      const key = newKey()
      await blobs.put(key, parts(randomBytes(100)))
      await expect(read(blobs, key, 90, 11)).rejects.toThrow(DamagedStorage)
      await expect(read(blobs, key, 200, 5)).rejects.toThrow(DamagedStorage)
    })

    it('removes an object, and removes it again', async () => {
      const key = newKey()
      await blobs.put(key, parts(randomBytes(10)))
      await blobs.remove(key)
      await blobs.remove(key)
      expect(await blobs.exists(key)).toBe(false)
      await expect(read(blobs, key, 0, 1)).rejects.toThrow(BlobMissing)
    })

    it('keeps equal objects of two zones apart', async () => {
      const key = newKey()
      await blobs.put(key, parts(randomBytes(10)))
      expect(await blobs.exists({ ...newKey(), object: key.object })).toBe(false)
    })

    it('answers a check', async () => {
      await expect(blobs.check()).resolves.toBeUndefined()
    })
  })
}
