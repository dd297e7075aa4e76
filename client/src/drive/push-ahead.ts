/**
 * Pushing while more is being taken up, so that other devices begin with the first files before the last is read.
 * One push at a time; where it turns out that others write too, it leaves the rest to the push that follows.
 */
import { tables } from '../replica/tables.ts'
import type { DriveContext, SyncOptions } from './context.ts'
import { push } from './push.ts'

export interface PushAhead {
  /** Pushes what is pending, now or when the push under way has ended. */
  begin(): void
  /** Waits until nothing is under way. Rejects like `pushAll`. */
  end(): Promise<PushedAhead>
}

export interface PushedAhead {
  /** Others wrote too: a pull brings the cursor up to what is known here. */
  readonly behind: boolean
  /** The server lacks chunks: files must be read again. */
  readonly missing: boolean
}

export function pushAhead(context: DriveContext, options: SyncOptions, total: { pushed: number }): PushAhead {
  const { store } = context.replica
  const left = { behind: false, missing: false }
  let wanted = false
  let underWay: Promise<void> | null = null
  let failure: { error: unknown } | null = null

  async function run(): Promise<void> {
    while (wanted && !left.behind && !left.missing) {
      wanted = false
      if (tables.outbox.count(store) === 0) continue
      const pushed = await push(context, options)
      total.pushed += pushed.accepted
      left.behind = !pushed.alone || pushed.stale > 0
      left.missing = pushed.missing > 0
      // The push that follows tells.
      if (pushed.noRoom) return
    }
  }

  return {
    begin() {
      wanted = true
      if (failure) return
      underWay ??= run()
        .catch((error: unknown) => {
          failure = { error }
        })
        .finally(() => {
          underWay = null
        })
    },
    async end() {
      await underWay
      if (failure) throw failure.error
      return left
    },
  }
}
