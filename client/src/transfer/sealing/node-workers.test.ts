import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Worker } from 'node:worker_threads'
import type { ChunkEntry } from '@pileus/core/records/record'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ThreadBroken } from '../threads/node-thread.ts'
import { openThreads, workerSealing } from './node-workers.ts'
import { KEYS, noise, type Places, sealingContract, takeAll } from './sealing.contract.ts'

sealingContract('in worker threads', (places) => openThreads(places, KEYS, 3))
sealingContract('in one worker thread', (places) => openThreads(places, KEYS, 1))

let root: string
let places: Places
let started: Worker[]
const note = (worker: Worker) => started.push(worker)
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'pileus-threads-'))
  places = { folder: join(root, 'folder'), work: join(root, 'work') }
  mkdirSync(places.folder)
  writeFileSync(join(places.folder, 'long'), noise(40_000_000))
  started = []
  process.on('worker', note)
})
afterEach(() => {
  process.off('worker', note)
  rmSync(root, { recursive: true })
})
const LONG = { path: 'long', size: 40_000_000 }

test('a thread that dies is told of, wherever it was, and nothing waits for it', async () => {
  for (const [victim, when] of [
    [0, 'at the start'],
    [1, 'in the middle'],
  ] as const) {
    using sealing = openThreads(places, KEYS, 2)
    const kill = () => void started.at(victim - 2)?.terminate()
    const taking = takeAll(sealing, [LONG], when === 'in the middle' ? kill : () => {})
    if (when === 'at the start') setTimeout(kill)
    await expect(taking, when).rejects.toThrow(ThreadBroken)
    await expect(takeAll(sealing, [LONG]), when).rejects.toThrow('nothing is lost')
  }
})

test('a thread that fails where nothing should fail says at what', async () => {
  using sealing = openThreads(places, { ...KEYS, chunkSecret: new Uint8Array(3) }, 2)
  await expect(takeAll(sealing, [LONG])).rejects.toThrow('cannot seal with a secret of 3 bytes')
})

test('threads end with the sealing, also in the middle of work', async () => {
  const sealing = openThreads(places, KEYS, 2)
  const taking = takeAll(sealing, [LONG], () => sealing[Symbol.dispose]())
  await expect(taking).rejects.toThrow('it was stopped')
  await expect
    .poll(() => started.map(({ threadId }) => threadId), { timeout: 10_000 })
    .toEqual(started.map(() => -1))
  expect(started.length).toBeGreaterThan(1)
})

test('little work starts no thread, and much does', async () => {
  const open = workerSealing(places)
  using little = open(KEYS, { files: 3, bytes: 1_000_000 })
  expect((await takeAll(little, [{ path: 'long', size: 1 }]))[0]!.outcome.type).toBe('sealed')
  expect(started.length).toBe(0)
  using much = open(KEYS, { files: 5_000, bytes: 1_000_000 })
  await takeAll(much, [])
  expect(started.length).toBe(0)
  expect((await takeAll(much, [LONG]))[0]!.outcome.type).toBe('sealed')
  expect(started.length).toBe(1)
  using long = open(KEYS, { files: 1, bytes: LONG.size })
  expect((await takeAll(long, [LONG]))[0]!.outcome.type).toBe('sealed')
  expect(started.length).toBeGreaterThan(2)
})

test('chunks of a long file that are known come without bytes, the others sealed, all in order', async () => {
  using sealing = openThreads(places, KEYS, 2)
  const [whole] = await takeAll(sealing, [LONG])
  const { entries } = whole!
  let asked = 0
  const known = async () => {
    asked++
    // An entry's length is not that of its data where that ends in zeros.
    return new Map(entries.slice(3, 9).map((entry) => [entry.hash, { ...entry, length: 1 }]))
  }
  const sealed: boolean[] = []
  const again: ChunkEntry[] = []
  for await (const piece of sealing.seal([{ ...LONG, known }])) {
    if (piece.type === 'end') {
      expect(piece.outcome).toMatchObject({ type: 'sealed' })
      continue
    }
    again.push(piece.entry)
    sealed.push(piece.bytes !== null)
  }
  expect(again).toEqual(entries)
  expect(sealed).toEqual(entries.map((_, index) => index < 3 || index >= 9))
  expect(asked).toBeGreaterThan(0)
  // Nothing is lost when they all are.
  const all = async () => new Map(entries.map((entry) => [entry.hash, entry]))
  expect((await takeAll(sealing, [{ ...LONG, known: all }]))[0]!.entries).toEqual(entries)
})

test('what is wrong with asking for known chunks is told', async () => {
  using sealing = openThreads(places, KEYS, 2)
  const known = () => Promise.reject(new Error('no answer'))
  await expect(takeAll(sealing, [{ ...LONG, known }])).rejects.toThrow('no answer')
})
