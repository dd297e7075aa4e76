/**
 * Reading chunks where they rest, at addresses that the server gives (SRV-49). What comes is verified by whoever asked,
 * like all chunks; what does not come is left to the server. So a wrong address costs time and nothing else.
 */
import type { ChunkId, ZoneId } from '@pileus/core/ids/ids'
import type { DirectReads } from '@pileus/core/protocol/chunks'
import { isLoopback } from '@pileus/core/protocol/direct-address'
import { Problem } from '@pileus/core/protocol/problem'
import type { Calls } from './calls.ts'
import { BrokeOff, NotGiven, type Run, type RunReading, readRun, runsOf } from './direct-run.ts'
import type { Allocate } from './remote.ts'

export interface DirectReadsParts extends RunReading {
  /** Where the server is. */
  readonly server: string
  /** Hears why chunks come through the server instead, in one sentence; null once they come directly again. */
  readonly told: (why: string | null) => void
}

/** For one run, where connections break off. */
const ATTEMPTS_MAX = 2
/** So many fetches are left to the server after a failure, and twice as many after each further one. */
const REST_FIRST = 8
/** And so many where the server gives no addresses. */
const REST_MAX = 1_024

/** The direct reads of one device. */
export class DirectReader {
  readonly #calls: Calls
  readonly #parts: DirectReadsParts
  /** Fetches that are still left to the server. */
  #resting = 0
  #nextRest = REST_FIRST

  constructor(calls: Calls, parts: DirectReadsParts) {
    this.#calls = calls
    this.#parts = parts
  }

  /**
   * Those of the chunks that can be read directly, in any order; ends early when something is wrong there. Rejects with
   * what the server refuses, and the signal's reason.
   */
  async *read(
    zone: ZoneId,
    ids: readonly ChunkId[],
    allocate: Allocate,
  ): AsyncGenerator<{ id: ChunkId; bytes: Uint8Array }> {
    if (this.#resting > 0) {
      this.#resting--
      return
    }
    const reads = await this.#ask(zone, ids)
    if (reads.packs.length === 0) {
      this.#resting = REST_MAX
      return
    }
    try {
      for (const run of runsOf(reads, new Set(ids), isLoopback(new URL(this.#parts.server))))
        yield* this.#readRun(run, allocate)
      this.#succeed()
    } catch (error) {
      if (!(error instanceof NotGiven)) throw error
      this.#fail(error.message)
    }
  }

  async *#readRun({ address, chunks }: Run, allocate: Allocate) {
    let left = chunks
    for (let attempt = 1; left.length > 0; attempt++) {
      try {
        for await (const chunk of readRun({ address, chunks: left }, this.#parts, allocate)) {
          left = left.slice(1)
          yield chunk
        }
      } catch (error) {
        if (!(error instanceof BrokeOff) || attempt === ATTEMPTS_MAX) throw error
      }
    }
  }

  /** A server of before there were direct reads does not know the question. */
  async #ask(zone: ZoneId, ids: readonly ChunkId[]): Promise<DirectReads> {
    try {
      return await this.#calls.call('directReads', { params: { zone }, body: { ids: [...ids] } })
    } catch (error) {
      if (error instanceof Problem && error.code === 'not-found' && error.ids.length === 0)
        return { packs: [] }
      throw error
    }
  }

  #succeed(): void {
    if (this.#nextRest > REST_FIRST) this.#parts.told(null)
    this.#nextRest = REST_FIRST
  }

  #fail(why: string): void {
    // Others that were under way fail for the same reason.
    if (this.#resting > 0) return
    this.#resting = this.#nextRest
    this.#nextRest = Math.min(2 * this.#nextRest, REST_MAX)
    this.#parts.told(
      `content comes through the server, because ${why}: nothing is lost, but whoever runs the server should know`,
    )
  }
}
