import { liveContract } from './live.contract.ts'
import { memoryLive } from './memory.ts'

liveContract('memory', async () => {
  let now = 1_000
  return {
    live: memoryLive(() => now),
    pass: async (seconds) => {
      now += seconds * 1_000
    },
  }
})
