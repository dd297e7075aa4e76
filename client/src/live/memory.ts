/** A live line and timers in this process, for tests and simulations. */
import type { Announcement } from '@pileus/core/protocol/live'
import { Unreachable } from '../remote/remote.ts'
import type { Timers } from '../remote/timers.ts'
import type { Heard, LiveLine } from './line.ts'

export interface MemoryLine extends LiveLine {
  /** To everybody whose line stands. */
  tell(announcement: Announcement): void
  /** Ends every line. */
  cut(why?: Error): void
  /** Lines that stand. */
  readonly standing: number
  /** Lines that were opened so far. */
  readonly opened: number
}

/** `greeting` is told on each line as it opens; null: the line cannot be opened now. */
export function memoryLine(greeting: () => Announcement | null): MemoryLine {
  const lines = new Set<Heard>()
  let opened = 0
  return {
    open(_zone, heard) {
      opened++
      const first = greeting()
      // Never before `open` returned, as over a network.
      queueMicrotask(() => {
        if (!lines.has(heard)) return
        if (first) return heard.told(first)
        lines.delete(heard)
        heard.closed(new Unreachable('no line'))
      })
      lines.add(heard)
      return { close: () => lines.delete(heard) }
    },
    tell(announcement) {
      for (const heard of [...lines]) heard.told(announcement)
    },
    cut(why = new Unreachable('the line was cut')) {
      for (const heard of [...lines]) {
        lines.delete(heard)
        heard.closed(why)
      }
    },
    get standing() {
      return lines.size
    },
    get opened() {
      return opened
    },
  }
}

export interface MemoryTimers extends Timers {
  /** Milliseconds. */
  readonly clock: () => number
  /** Lets time pass; what falls due happens in order. */
  pass(milliseconds: number): void
}

export function memoryTimers(start = 0): MemoryTimers {
  let now = start
  let waiting: { at: number; act: () => void }[] = []
  return {
    clock: () => now,
    after(milliseconds, act) {
      const timer = { at: now + milliseconds, act }
      waiting.push(timer)
      return () => {
        waiting = waiting.filter((other) => other !== timer)
      }
    },
    pass(milliseconds) {
      const until = now + milliseconds
      for (;;) {
        const next = waiting.toSorted((a, b) => a.at - b.at)[0]
        if (!next || next.at > until) break
        waiting = waiting.filter((other) => other !== next)
        now = Math.max(now, next.at)
        next.act()
      }
      now = until
    },
  }
}
