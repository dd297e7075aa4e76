import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { noise } from '../sealing/sealing.contract.ts'
import { ThreadBroken } from '../threads/node-thread.ts'
import { assemblerContract, begin, type Places } from './assembler.contract.ts'
import type { Part } from './assembler.ts'
import { assemblerWithThread, workerAssembler } from './node-assembler.ts'

assemblerContract('in a worker thread', (places) => assemblerWithThread(places, 0))
assemblerContract('in a worker thread after a little', (places) => assemblerWithThread(places, 500_000))

let root: string
let places: Places
let started: Worker[]
const note = (worker: Worker) => started.push(worker)
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'pileus-threads-'))
  places = { folder: join(root, 'folder'), work: join(root, 'work') }
  started = []
  process.on('worker', note)
})
afterEach(() => {
  process.off('worker', note)
  rmSync(root, { recursive: true })
})

const long = noise(20_000_000)
const parts: Part[] = [begin('long', [long]), { do: 'data', data: long }, { do: 'end' }]

test('little work starts no thread, and much does, with the file under way ended where it was begun', async () => {
  using assembler = workerAssembler(places)()
  const half = noise(1_000)
  await assembler.write([begin('open', [half, half]), { do: 'data', data: half }])
  expect(started.length).toBe(0)
  const { ended } = await assembler.write([{ do: 'data', data: half }, { do: 'end' }, ...parts])
  expect(ended).toEqual([null, null])
  expect(started.length).toBe(1)
  expect(readFileSync(join(places.work, 'open')).length).toBe(2_000)
  expect(Buffer.compare(readFileSync(join(places.work, 'long')), long)).toBe(0)
})

test('a thread that dies is told of, and nothing waits for it', async () => {
  using assembler = assemblerWithThread(places, 0)
  const writing = assembler.write(parts)
  setTimeout(() => void started[0]?.terminate())
  await expect(writing).rejects.toThrow(ThreadBroken)
  await expect(assembler.write(parts)).rejects.toThrow('nothing is lost')
})

test('the thread ends with the assembler, also in the middle of work', async () => {
  const assembler = assemblerWithThread(places, 0)
  const writing = assembler.write(parts)
  assembler[Symbol.dispose]()
  await expect(writing).rejects.toThrow('it was stopped')
  await expect.poll(() => started.map(({ threadId }) => threadId), { timeout: 10_000 }).toEqual([-1])
})
