/** Live in one process. */
import type { Live } from './live.ts'

/** Values and counters kept at most; the oldest give way. */
const KEPT_MAX = 100_000

interface Timed<T> {
  readonly value: T
  readonly expiresAt: number
}

/** A new engine; `clock` is milliseconds. */
export function memoryLive(clock: () => number): Live {
  const values = new Map<string, Timed<string>>()
  const counters = new Map<string, Timed<{ count: number }>>()
  const topics = new Map<string, Set<(message: Uint8Array) => void>>()
  return {
    async publish(topic, message) {
      for (const listener of [...(topics.get(topic) ?? [])]) listener(message)
    },
    async subscribe(topic, listener) {
      const listeners = topics.get(topic) ?? new Set()
      topics.set(topic, listeners)
      // Its own function, so that one listener may subscribe twice and leave once.
      const own = (message: Uint8Array) => listener(message)
      listeners.add(own)
      return () => {
        listeners.delete(own)
        if (listeners.size === 0 && topics.get(topic) === listeners) topics.delete(topic)
      }
    },
    async put(key, value, seconds) {
      store(values, key, { value, expiresAt: clock() + seconds * 1_000 })
    },
    async take(key) {
      const found = values.get(key)
      values.delete(key)
      return found && found.expiresAt > clock() ? found.value : undefined
    },
    async count(key, seconds) {
      let counter = counters.get(key)
      if (!counter || counter.expiresAt <= clock()) {
        counter = { value: { count: 0 }, expiresAt: clock() + seconds * 1_000 }
        store(counters, key, counter)
      }
      counter.value.count++
      const resetsInSeconds = Math.max(1, Math.ceil((counter.expiresAt - clock()) / 1_000))
      return { count: counter.value.count, resetsInSeconds }
    },
    async forget(key) {
      values.delete(key)
      counters.delete(key)
    },
    async check() {},
    async close() {
      topics.clear()
    },
  }
}

/** Maps keep insertion order, so the first key is the oldest. */
function store<T>(map: Map<string, Timed<T>>, key: string, timed: Timed<T>): void {
  map.delete(key)
  map.set(key, timed)
  if (map.size <= KEPT_MAX) return
  const oldest = map.keys().next()
  if (!oldest.done) map.delete(oldest.value)
}
