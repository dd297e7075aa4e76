/** A wrapper of the blobs port: a circuit breaker for each kind of call, and a measure of each. */
import {
  CircuitState as BreakerState,
  BrokenCircuitError,
  ConsecutiveBreaker,
  circuitBreaker,
  handleWhen,
} from 'cockatiel'
import { DamagedStorage, StorageFull } from '../engine-errors.ts'
import { type BlobKey, BlobMissing, type Blobs } from './blobs.ts'

export type BlobCircuit = 'storage_put' | 'storage_get' | 'storage_stat'
export type CircuitState = 'closed' | 'open' | 'half-open'

export interface GuardedBlobs {
  readonly blobs: Blobs
  readonly circuits: () => Readonly<Record<BlobCircuit, CircuitState>>
}

export interface BlobsWatcher {
  chunkOperation(operation: string, result: 'success' | 'error', seconds: number): void
  circuit(name: string, state: CircuitState): void
}

const FAILURES = 5
const OPEN_MS = 10_000

/** The engine's own failures open a circuit; a sender's corrupt bytes, a missing object or a full disk do not. */
class SourceFailed extends Error {
  constructor(cause: unknown) {
    super('the source of an object failed', { cause })
  }
}

/** Guards an engine. `now` is milliseconds, for measuring only. */
export function guardBlobs(blobs: Blobs, watcher: BlobsWatcher, now: () => number): GuardedBlobs {
  const put = breaker('storage_put', watcher)
  const get = breaker('storage_get', watcher)
  const stat = breaker('storage_stat', watcher)
  async function measured<T>(operation: string, work: () => Promise<T>): Promise<T> {
    const start = now()
    try {
      const result = await work()
      watcher.chunkOperation(operation, 'success', (now() - start) / 1_000)
      return result
    } catch (error) {
      if (!(error instanceof SourceFailed)) {
        watcher.chunkOperation(operation, 'error', (now() - start) / 1_000)
      }
      throw error
    }
  }
  return {
    blobs: {
      async put(key, bytes) {
        try {
          await measured('put', () => put.execute(() => blobs.put(key, marked(bytes))))
        } catch (error) {
          throw error instanceof SourceFailed ? error.cause : error
        }
      },
      read: (key, offset, into) => measured('get', () => get.execute(() => blobs.read(key, offset, into))),
      ...(blobs.directRead && { directRead: (key: BlobKey) => blobs.directRead!(key) }),
      exists: (key) => measured('stat', () => stat.execute(() => blobs.exists(key))),
      remove: (key) => measured('remove', () => blobs.remove(key)),
      check: () => blobs.check(),
      close: () => blobs.close(),
    },
    circuits: () => ({
      storage_put: stateOf(put.state),
      storage_get: stateOf(get.state),
      storage_stat: stateOf(stat.state),
    }),
  }
}

/** Whether a call was not made because the engine failed too often just before. */
export function isCircuitOpen(error: unknown): boolean {
  return error instanceof BrokenCircuitError
}

function breaker(name: BlobCircuit, watcher: BlobsWatcher) {
  const policy = circuitBreaker(handleWhen(isEngineFailure), {
    halfOpenAfter: OPEN_MS,
    breaker: new ConsecutiveBreaker(FAILURES),
  })
  watcher.circuit(name, 'closed')
  policy.onStateChange((state) => watcher.circuit(name, stateOf(state)))
  return policy
}

function isEngineFailure(error: Error): boolean {
  return !(
    error instanceof SourceFailed ||
    error instanceof BlobMissing ||
    error instanceof StorageFull ||
    error instanceof DamagedStorage
  )
}

function stateOf(state: BreakerState): CircuitState {
  if (state === BreakerState.Closed) return 'closed'
  return state === BreakerState.HalfOpen ? 'half-open' : 'open'
}

async function* marked(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* bytes
  } catch (error) {
    throw new SourceFailed(error)
  }
}
