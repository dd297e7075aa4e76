/** Calls that are repeated when repeating is safe and may help: a wrapper of the port. */
import type { Random } from '@pileus/core/crypto/random'
import { Problem } from '@pileus/core/protocol/problem'
import type { CallInput, CallOutput, Calls, EndpointName } from './calls.ts'
import { TimedOut } from './patience.ts'
import { Unreachable } from './remote.ts'
import { neverSent } from './server.ts'

export interface RetryOptions {
  /** Waits this many milliseconds; rejects with the signal's reason when it is aborted. */
  readonly pause: (milliseconds: number) => Promise<void>
  readonly random: Random
  /** A Pileus server was seen to answer there, so it is worth waiting for. */
  readonly answered?: boolean
}

/** Tries after the first. With FIRST_PAUSE_MS doubling, about six seconds: a restart of the server. */
const RETRIES = 5
const FIRST_PAUSE_MS = 200
/** A server that asks for a longer wait is not waited for: the person is told. */
const LONGEST_PAUSE_MS = 30_000

/** Second steps: what the first began is used up by the first answer that arrives, so both are repeated (`inTwoSteps`). */
const ONCE_ONLY: ReadonlySet<EndpointName> = new Set(['loginFinish', 'deviceLogin', 'recoveryProof'])

/**
 * Repeats calls after lost answers, 'too-many-requests', 'shutting-down' and 'internal', with pauses that
 * double and are cut by chance (full jitter: https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/),
 * or last as long as the server's Retry-After. A server that never answered yet is asked twice only, so that
 * a wrong address shows at once; so is one that let a call wait in vain.
 */
export function retrying(calls: Calls, options: RetryOptions): Calls {
  let answered = options.answered === true
  return {
    async call<N extends EndpointName>(name: N, input: CallInput<N>): Promise<CallOutput<N>> {
      for (let attempt = 0; ; attempt++) {
        try {
          const output = await calls.call(name, input)
          answered = true
          return output
        } catch (error) {
          if (error instanceof Problem) answered = true
          const limit = answered && !(error instanceof TimedOut) ? RETRIES : 1
          const pause = attempt < limit ? pauseBefore(name, error, attempt, options.random) : null
          if (pause === null) throw error
          await options.pause(pause)
        }
      }
    },
  }
}

/** Milliseconds; null when the call should not be repeated. */
function pauseBefore(name: EndpointName, error: unknown, attempt: number, random: Random): number | null {
  const backoff = Math.ceil(FIRST_PAUSE_MS * 2 ** attempt * fraction(random))
  if (error instanceof Unreachable) return ONCE_ONLY.has(name) && !neverSent(error) ? null : backoff
  if (!(error instanceof Problem)) return null
  switch (error.code) {
    case 'too-many-requests':
    case 'shutting-down': {
      // Refused before anything was done, so any call may be repeated.
      const asked = (error.retryAfterSeconds ?? 0) * 1_000
      return asked > LONGEST_PAUSE_MS ? null : asked + backoff
    }
    case 'internal':
      return ONCE_ONLY.has(name) ? null : backoff
    default:
      return null
  }
}

/** 0 < fraction ≤ 1. */
function fraction(random: Random): number {
  const [a, b] = random(2) as Uint8Array & [number, number]
  return (a * 256 + b + 1) / 65_536
}
