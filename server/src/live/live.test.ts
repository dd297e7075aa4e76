import { withEngine } from '@pileus/engines/in-tests'
import { launchValkey } from '@pileus/engines/valkey'
import { Redis } from 'ioredis'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { EngineUnreachable, EngineUnusable } from '../engine-errors.ts'
import { liveContract } from './live.contract.ts'
import type { Live } from './live.ts'
import { memoryLive } from './memory.ts'
import { valkeyLive } from './valkey.ts'

/** Connections and messages take their time on a busy machine. */
const WITHIN = { timeout: 30_000 }

liveContract('memory', async () => {
  let now = 1_000
  return {
    live: memoryLive(() => now),
    pass: async (seconds) => {
      now += seconds * 1_000
    },
  }
})

await withEngine('valkey', 'live on Valkey or Redis', ({ title, settings }) => {
  const url = settings.PILEUS_VALKEY_URL!

  liveContract(title, async () => {
    const admin = new Redis(url)
    await admin.flushall()
    admin.disconnect()
    return {
      live: await valkeyLive(url),
      pass: (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1_000)),
    }
  })

  describe(`several server processes on ${title}`, () => {
    const opened: Live[] = []
    const open = async () => {
      const live = await valkeyLive(url)
      opened.push(live)
      return live
    }
    afterEach(async () => {
      for (const live of opened.splice(0)) await live.close()
    })

    it('hear each other, take a value once, and count together', async () => {
      const [one, two] = [await open(), await open()]
      const got: number[] = []
      await one.subscribe('zone', (message) => got.push(message[0]!), expect.unreachable)
      await two.publish('zone', Uint8Array.of(7))
      await vi.waitFor(() => expect(got).toEqual([7]), WITHIN)
      await one.put('once', 'value', 10)
      const taken = await Promise.all([one.take('once'), two.take('once')])
      expect(taken.filter((value) => value !== undefined)).toEqual(['value'])
      const counts = await Promise.all([one, two, one, two].map((live) => live.count('together', 10)))
      expect(counts.map(({ count }) => count).sort()).toEqual([1, 2, 3, 4])
    })

    it('tell every subscriber to look for itself after connections were cut, and then go on', async () => {
      const [one, two] = [await open(), await open()]
      const got: number[] = []
      let missed = 0
      for (const topic of ['a', 'b']) {
        await one.subscribe(
          topic,
          (message) => got.push(message[0]!),
          () => missed++,
        )
      }
      const admin = new Redis(url)
      await admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
      await vi.waitFor(() => expect(missed).toBe(2), WITHIN)
      await admin.call('CLIENT', 'KILL', 'TYPE', 'normal')
      admin.disconnect()
      await vi.waitFor(() => two.publish('b', Uint8Array.of(5)), WITHIN)
      await vi.waitFor(() => expect(got).toEqual([5]), WITHIN)
    })
  })

  it('fails at once while the server is away, and goes on when it is back', async () => {
    const server = await launchValkey()
    const live = await valkeyLive(server.settings.PILEUS_VALKEY_URL!)
    try {
      let missed = 0
      await live.subscribe(
        'zone',
        () => undefined,
        () => missed++,
      )
      await server.stop('killed')
      await vi.waitFor(
        () => expect(live.publish('zone', Uint8Array.of(1))).rejects.toThrow(EngineUnreachable),
        WITHIN,
      )
      await expect(live.count('tries', 10)).rejects.toThrow(EngineUnreachable)
      await expect(live.check()).rejects.toThrow(EngineUnreachable)
      await server.start()
      await vi.waitFor(() => expect(missed).toBe(1), WITHIN)
      await vi.waitFor(() => live.check(), WITHIN)
      expect((await live.count('tries', 10)).count).toBe(1)
    } finally {
      await live.close()
      await server.remove()
    }
  })

  describe('a Valkey server that cannot be used', () => {
    const sentenceFor = async (change: (url: URL) => void): Promise<string> => {
      const wrong = new URL(url)
      change(wrong)
      const failure = await valkeyLive(wrong.href).then(
        () => undefined,
        (error: unknown) => error,
      )
      expect(failure).toBeInstanceOf(EngineUnusable)
      return (failure as Error).message
    }

    it('with a wrong password', async () => {
      expect(
        await sentenceFor((wrong) => {
          wrong.password = 'wrong'
        }),
      ).toMatch(/refuses this user and password; correct PILEUS_VALKEY_URL$/)
    })

    it('out of reach', async () => {
      expect(
        await sentenceFor((wrong) => {
          wrong.port = '1'
        }),
      ).toMatch(
        /^cannot reach the Valkey server at 127\.0\.0\.1:1: .*; start it, or correct PILEUS_VALKEY_URL$/,
      )
    })
  })
})
