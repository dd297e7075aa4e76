/** A watch that tells what it is told to, for tests. */
import type { Watch, WatchHeard } from './watch.ts'

export interface MemoryWatch extends Watch, WatchHeard {}

export function memoryWatch(): MemoryWatch {
  const listeners = new Set<WatchHeard>()
  return {
    start(heard) {
      listeners.add(heard)
      return { close: () => listeners.delete(heard) }
    },
    changed(folder, name) {
      for (const heard of listeners) heard.changed(folder, name)
    },
    limited(why) {
      for (const heard of listeners) heard.limited(why)
    },
  }
}
