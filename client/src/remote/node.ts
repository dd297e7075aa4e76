/** Waiting, on a platform with timers. */
import { setTimeout as wait } from 'node:timers/promises'

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
