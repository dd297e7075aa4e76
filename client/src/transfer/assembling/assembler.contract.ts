/** What every engine of assembling promises, on a real disk. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sealChunk } from '@pileus/core/content/chunk'
import { nodeCrypto as crypto } from '@pileus/core/crypto/node'
import { idFromBytes } from '@pileus/core/ids/ids'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { noise } from '../sealing/sealing.contract.ts'
import { type Assembler, GROUP_BYTES, type NewFile, type Part } from './assembler.ts'

export interface Places {
  readonly folder: string
  readonly work: string
}

const SECRET = new Uint8Array(32).fill(9)
const MTIME = 1_700_000_000_123_456

export function assemblerContract(name: string, open: (places: Places) => Assembler): void {
  describe(`assembling ${name}`, () => {
    let root: string
    let places: Places
    let assembler: Assembler
    beforeEach(() => {
      root = mkdtempSync(join(tmpdir(), 'pileus-assembling-'))
      places = { folder: join(root, 'folder'), work: join(root, 'work') }
      mkdirSync(places.folder)
      assembler = open(places)
    })
    afterEach(() => {
      assembler[Symbol.dispose]()
      rmSync(root, { recursive: true })
    })

    const read = (path: string) => readFileSync(join(places.work, path))
    const files = () => readdirSync(places.work)

    /** The chunk as it was received: in memory that the engine lends. */
    function chunk(data: Uint8Array): Extract<Part, { do: 'chunk' }> {
      const { entry, bytes } = sealChunk(crypto, SECRET, data)
      const place = assembler.buffers.take().subarray(3, 3 + bytes.length)
      place.set(bytes)
      return { do: 'chunk', entry, bytes: place }
    }

    test('makes files of chunks and of data, with their dates and modes', async () => {
      const [one, two, three] = [noise(1_000_000, 1), noise(700_001, 2), noise(5, 3)]
      const { ended, damaged } = await assembler.write([
        begin('long', [one, two, three]),
        chunk(one),
        { do: 'data', data: two },
        chunk(three),
        { do: 'end' },
        begin('empty', []),
        { do: 'end' },
        begin('program', [three], { executable: true }),
        chunk(three),
        { do: 'end' },
      ])
      expect({ ended, damaged }).toEqual({ ended: [null, null, null], damaged: null })
      expect(Buffer.compare(read('long'), Buffer.concat([one, two, three]))).toBe(0)
      expect(read('empty').length).toBe(0)
      expect(Buffer.compare(read('program'), three)).toBe(0)
      expect(statSync(join(places.work, 'long'), { bigint: true }).mtimeNs / 1000n).toBe(BigInt(MTIME))
      const modes = ['long', 'program'].map((path) => statSync(join(places.work, path)).mode & 0o111)
      expect(modes).toEqual([0, 0o111])
    })

    test('a file may go on over any number of calls', async () => {
      const parts = [1, 2, 3, 4].map((seed) => noise(400_000 + seed, seed))
      const calls: Part[][] = [
        [begin('before', []), { do: 'end' }, begin('long', parts), chunk(parts[0]!)],
        [chunk(parts[1]!)],
        [],
        [chunk(parts[2]!), chunk(parts[3]!), { do: 'end' }, begin('after', parts.slice(3))],
        [chunk(parts[3]!), { do: 'end' }],
      ]
      const ended: unknown[] = []
      for (const call of calls) ended.push((await assembler.write(call)).ended)
      expect(ended).toEqual([[null], [], [], [null], [null]])
      expect(Buffer.compare(read('long'), Buffer.concat(parts))).toBe(0)
      expect(Buffer.compare(read('after'), parts[3]!)).toBe(0)
    })

    test('a chunk that stands in several places is opened once', async () => {
      const data = noise(100_000)
      const same = chunk(data)
      const { ended } = await assembler.write([
        begin('twice', [data, data]),
        same,
        same,
        { do: 'end' },
        begin('once', [data]),
        same,
        { do: 'end' },
      ])
      expect(ended).toEqual([null, null])
      expect(Buffer.compare(read('twice'), Buffer.concat([data, data]))).toBe(0)
    })

    test('stops at a chunk that was changed, and goes on with what takes its place', async () => {
      const [first, second] = [noise(50_000, 1), noise(60_000, 2)]
      const changed = chunk(second)
      changed.bytes[1_000]! ^= 1
      const parts: Part[] = [
        begin('whole', [first]),
        chunk(first),
        { do: 'end' },
        begin('file', [first, second]),
        chunk(first),
        changed,
        { do: 'end' },
      ]
      expect(await assembler.write(parts)).toEqual({ ended: [null], damaged: 5 })
      expect(await assembler.write([{ do: 'data', data: second }, ...parts.slice(6)])).toEqual({
        ended: [null],
        damaged: null,
      })
      expect(Buffer.compare(read('file'), Buffer.concat([first, second]))).toBe(0)
    })

    test('stored bytes that stand for data of two lengths are damaged the second time', async () => {
      const data = noise(1_000)
      const same = chunk(data)
      const shorter = { ...same, entry: { ...same.entry, length: 999 } }
      const { damaged } = await assembler.write([begin('file', [data, data]), same, shorter, { do: 'end' }])
      expect(damaged).toBe(2)
    })

    test('leaves nothing of a file that fails or does not add up, and goes on with the next', async () => {
      const data = noise(10_000)
      const { ended } = await assembler.write([
        begin('cut', [data, data]),
        chunk(data),
        { do: 'end' },
        begin('other', [noise(10_000, 2)]),
        chunk(data),
        { do: 'end' },
        begin('never', [data]),
        { do: 'fail', why: 'nobody has it' },
        chunk(data),
        { do: 'end' },
        begin('half', [data, data]),
        chunk(data),
        { do: 'fail', why: 'nobody has the rest' },
        { do: 'end' },
        begin('good', [data]),
        chunk(data),
        { do: 'end' },
      ])
      const short = 'its chunks do not add up to the file that was saved'
      expect(ended).toEqual([short, short, 'nobody has it', 'nobody has the rest', null])
      expect(files()).toEqual(['good'])
    })

    test('what an interrupted run left gives way', async () => {
      writeFileSync(join(places.work, 'file'), 'more than there will be')
      const data = noise(10)
      expect((await assembler.write([begin('file', [data]), chunk(data), { do: 'end' }])).ended).toEqual([
        null,
      ])
      expect(Buffer.compare(read('file'), data)).toBe(0)
    })

    test('says what the disk refuses, as an error of the disk', async () => {
      const data = noise(10)
      const writing = assembler.write([begin('none/file', [data]), chunk(data), { do: 'end' }])
      await expect(writing).rejects.toMatchObject({
        name: 'FileError',
        code: 'not-found',
        path: 'none',
      })
    })

    test('lends buffers that hold a group', () => {
      const buffer = assembler.buffers.take()
      expect(buffer.length).toBe(GROUP_BYTES)
      assembler.buffers.give(buffer)
    })
  })
}

export function begin(
  path: string,
  data: readonly Uint8Array[],
  attributes: { executable?: boolean } = {},
): { do: 'begin'; file: NewFile } {
  const size = data.reduce((sum, { length }) => sum + length, 0)
  const hash = idFromBytes('digest', crypto.sha256(...data))
  return { do: 'begin', file: { path, size, hash, mtime: MTIME, executable: false, ...attributes } }
}
