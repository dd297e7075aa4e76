/** What an announcement costs by itself, on the live port. */
import type { Live } from '@pileus/server/live/live'
import type { Cost } from './measured.ts'
import { costOf } from './operations.ts'
import type { Used } from './system.ts'

/** About a small record's news. */
const MESSAGE_BYTES = 1_500
const SUBSCRIBERS = 2

/** `engineUsed`: processor time of the engine's processes. Publisher and subscribers are this process, named "server". */
export async function measureAnnounce(
  live: readonly Live[],
  times: number,
  engineUsed: () => Used,
  idleMs: Used,
): Promise<Cost> {
  let heard = 0
  let wanted = 0
  let all = Promise.withResolvers<void>()
  const listener = () => {
    if (++heard === wanted) all.resolve()
  }
  const [publisher] = live
  const ends: (() => void)[] = []
  for (let n = 0; n < SUBSCRIBERS; n++)
    ends.push(await live[n % live.length]!.subscribe('zone:bench', listener, () => undefined))
  const message = new Uint8Array(MESSAGE_BYTES)
  const used = () => {
    const { user, system } = process.cpuUsage()
    return { server: (user + system) / 1e6, ...engineUsed() }
  }
  const cost = await costOf({ used }, idleMs, 'announce', times, async () => {
    wanted = heard + SUBSCRIBERS
    all = Promise.withResolvers<void>()
    await publisher!.publish('zone:bench', message)
    await all.promise
    return null
  })
  for (const end of ends) end()
  return cost
}
