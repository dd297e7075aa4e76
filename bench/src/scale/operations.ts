/** Does each operation a number of times through a server's HTTP, and says what it cost. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type ChunkId, type RecordId, randomId } from '@pileus/core/ids/ids'
import type { SealedRecord } from '@pileus/core/records/sealed'
import {
  type Answer,
  ask,
  deviceLogIn,
  logIn,
  newChunks,
  newZone,
  type Person,
  packOf,
  pushOf,
  putPack,
  random,
  signUp,
  type TestZone,
} from '@pileus/server/api/fixtures'
import { versionBytes } from '@pileus/server/zones/size'
import { median } from '../measure/statistics.ts'
import type { Cost, OperationName } from './measured.ts'
import type { System, Used } from './system.ts'

export interface Times {
  readonly accounts: number
  readonly logins: number
  readonly requests: number
  readonly pushes: number
  readonly pages: number
  readonly packs: number
}
export const TIMES: Times = { accounts: 100, logins: 100, requests: 300, pushes: 200, pages: 15, packs: 40 }

const WARM_UP_SHARE = 0.2
const IDLE_MS = 5_000
const SMALL_CHUNK_BYTES = 20_000
const LARGE_CHUNK_BYTES = 1_048_576
const LARGE_PACK_CHUNKS = 8
const ASKED_CHUNKS = 16
const PER_BATCH = 100
const PAGE_RECORDS = 1_000

export interface Done {
  readonly costs: readonly Cost[]
  readonly idleMs: Used
  readonly recordBytes: number
}

/** Processor time in a second in which nothing is asked, in milliseconds. */
export async function idle(system: System): Promise<Used> {
  const before = system.used()
  await sleep(IDLE_MS)
  return mapUsed(system.used(), (used, name) => ((used - before[name]!) / IDLE_MS) * 1e6)
}

export async function measureOperations(system: System, times: Times): Promise<Done> {
  const costs: Cost[] = []
  let accounts = 0
  let pushed = 0
  const idleMs = await idle(system)
  const cost = async (operation: OperationName, count: number, work: () => Promise<Answer | null>) => {
    costs.push(await costOf(system, idleMs, operation, count, work))
  }
  const { url } = system
  let ana!: Person
  await cost('signup', times.accounts, async () => {
    ana = await signUp(url, `person${accounts++}`)
    return null
  })
  const zone = await newZone(ana)
  // Somebody else: a device that opens many sessions loses its oldest.
  const ben = await signUp(url, 'visitor')
  await cost('passwordLogin', times.logins, async () =>
    expectAnswer(await logIn(url, ben.name, ben.password)),
  )
  await cost('deviceLogin', times.logins, () => ok(deviceLogIn(url, ben.device)))
  const asking = { token: ana.token, params: { zone: zone.zone } }
  await cost('head', times.requests, () => ok(ask(url, 'zone', asking)))

  const small: ReturnType<typeof newChunks>[] = []
  const large: ReturnType<typeof newChunks>[] = []
  const store = async (chunks: ReturnType<typeof newChunks>, kept: typeof small) => {
    const answer = await ok(putPack(ana, zone.zone, packOf(chunks)))
    kept.push(chunks)
    return answer
  }
  await cost('packSmall', times.packs, () => store(newChunks(1, SMALL_CHUNK_BYTES), small))
  await cost('packLarge', times.packs, () => store(newChunks(LARGE_PACK_CHUNKS, LARGE_CHUNK_BYTES), large))
  const fetching = (from: typeof small) => {
    const id = from[Math.floor(Math.random() * from.length)]![0]!.id
    return ok(ask(url, 'fetch', { ...asking, message: { ids: [id] } }))
  }
  await cost('missing', times.requests, () => {
    const ids = newChunks(ASKED_CHUNKS, 8).map(({ id }) => id)
    return ok(ask(url, 'missing', { ...asking, message: { ids } }))
  })
  await cost('fetchSmall', times.requests, () => fetching(small))
  await cost('fetchLarge', times.pages * 4, () => fetching(large))

  const chunk = small[0]![0]!.id
  const push = async (records: number) => {
    const wanted = Array.from({ length: records }, () => ({
      id: recordId(),
      chunks: [chunk],
      name: 'a picture.jpeg',
    }))
    const answer = await ok(ask(url, 'push', { token: ana.token, message: pushOf(ana, zone, wanted) }))
    pushed += records
    return answer
  }
  await cost('pushOne', times.pushes, () => push(1))
  const beforeHundreds = pushed
  await cost('changesOne', times.requests, () =>
    ok(ask(url, 'changes', { ...asking, query: { after: beforeHundreds - 1, limit: 1 } })),
  )
  await cost('pushHundred', times.pages * 3, () => push(PER_BATCH))
  await cost('changesPage', times.pages, () =>
    ok(ask(url, 'changes', { ...asking, query: { after: beforeHundreds, limit: PAGE_RECORDS } })),
  )
  return { costs, idleMs, recordBytes: recordBytesOf(ana, zone, chunk) }
}

function recordBytesOf(person: Person, zone: TestZone, chunk: ChunkId): number {
  const [only] = pushOf(person, zone, [{ chunks: [chunk], name: 'a picture.jpeg' }]).records
  return versionBytes(only!.record as SealedRecord)
}

function recordId(): RecordId {
  return randomId('record', random)
}

async function ok(asked: Promise<Answer>): Promise<Answer> {
  return expectAnswer(await asked)
}

function expectAnswer(answer: Answer | string): Answer {
  if (typeof answer === 'string' || answer.status !== 200)
    throw new Error(`the server answered ${typeof answer === 'string' ? answer : answer.status}`)
  return answer
}

/** Runs it one after another: a fifth as many times to warm up, then counted. */
export async function costOf(
  system: Pick<System, 'used'>,
  idleMs: Used,
  operation: OperationName,
  times: number,
  work: () => Promise<Answer | null>,
): Promise<Cost> {
  for (let n = 0; n < Math.ceil(times * WARM_UP_SHARE); n++) await work()
  const samples: number[] = []
  let answerBytes = 0
  const before = system.used()
  const started = performance.now()
  for (let n = 0; n < times; n++) {
    const start = performance.now()
    const answer = await work()
    samples.push(performance.now() - start)
    answerBytes = answer?.bytes.length ?? 0
  }
  const seconds = (performance.now() - started) / 1_000
  const processorMs = mapUsed(system.used(), (used, name) =>
    Math.max(0, ((used - before[name]!) * 1_000 - (idleMs[name] ?? 0) * seconds) / times),
  )
  return { operation, times, medianMs: round(median(samples)), processorMs, answerBytes }
}

function mapUsed(used: Used, map: (seconds: number, name: string) => number): Used {
  return Object.fromEntries(Object.entries(used).map(([name, one]) => [name, round(map(one, name))]))
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
