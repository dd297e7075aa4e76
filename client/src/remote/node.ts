/** Waiting, by this platform's timers, which no change of the clock moves. */
import { setTimeout as wait } from 'node:timers/promises'
import type { Timers } from './timers.ts'

/** A pause for `retrying`, cut short by the signal. */
export function timedPause(signal?: AbortSignal): (milliseconds: number) => Promise<void> {
  return async (milliseconds) => {
    try {
      await wait(milliseconds, undefined, signal ? { signal } : {})
    } catch (error) {
      signal?.throwIfAborted()
      throw error
    }
  }
}

export const nodeTimers: Timers = {
  after(milliseconds, act) {
    const timer = setTimeout(act, milliseconds)
    return () => clearTimeout(timer)
  },
}
