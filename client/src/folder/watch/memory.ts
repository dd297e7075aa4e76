/** A watch that tells what it is told to, for tests. */
import type { Watch, WatchHeard } from './watch.ts'

export interface MemoryWatch extends Watch, WatchHeard {
  /** How it was renewed, in order. */
  readonly renewals: readonly ('anew' | 'rest')[]
}

export function memoryWatch(): MemoryWatch {
  const listeners = new Set<WatchHeard>()
  const renewals: ('anew' | 'rest')[] = []
  return {
    renewals,
    start(heard) {
      listeners.add(heard)
      return {
        close: () => listeners.delete(heard),
        renew: (anew) => renewals.push(anew ? 'anew' : 'rest'),
      }
    },
    changed(folder, name, identity) {
      for (const heard of listeners) heard.changed(folder, name, identity)
    },
    limited(why) {
      for (const heard of listeners) heard.limited(why)
    },
    lost() {
      for (const heard of listeners) heard.lost()
    },
  }
}
