import { Problem } from '@pileus/core/protocol/problem'
import { expect, test } from 'vitest'
import type { CallInput, CallOutput, Calls, EndpointName } from './calls.ts'
import { Unreachable } from './remote.ts'
import { retrying } from './retry.ts'

const chance = (bytes: number): Uint8Array => new Uint8Array(bytes).fill(128)

/** Answers with each outcome in turn, then with success. */
function scripted(outcomes: readonly Error[]): { calls: Calls; made: () => number } {
  let made = 0
  const calls: Calls = {
    async call<N extends EndpointName>(_name: N, _input: CallInput<N>): Promise<CallOutput<N>> {
      const outcome = outcomes[made++]
      if (outcome) throw outcome
      return { done: true } as CallOutput<N>
    },
  }
  return { calls, made: () => made }
}

function recorded(): { pause: (milliseconds: number) => Promise<void>; pauses: number[] } {
  const pauses: number[] = []
  return {
    pauses,
    pause: async (milliseconds) => {
      pauses.push(milliseconds)
    },
  }
}

const busy = new Problem('too-many-requests', 'slow down', { retryAfterSeconds: 2 })
const lost = new Unreachable('the connection was cut')

test('a lost answer is asked for again, after pauses that grow', async () => {
  const { calls, made } = scripted([new Problem('shutting-down', ''), lost, lost, lost])
  const { pause, pauses } = recorded()
  await retrying(calls, { pause, random: chance }).call('account', {})
  expect(made()).toBe(5)
  expect(pauses).toEqual(pauses.toSorted((a, b) => a - b))
  expect(pauses[0]).toBeGreaterThan(0)
})

test('Retry-After is honoured, and one that is too long is told instead of waited for', async () => {
  const { pause, pauses } = recorded()
  await retrying(scripted([busy]).calls, { pause, random: chance }).call('account', {})
  expect(pauses[0]).toBeGreaterThanOrEqual(2_000)
  const long = new Problem('too-many-requests', 'much later', { retryAfterSeconds: 600 })
  await expect(retrying(scripted([long]).calls, { pause, random: chance }).call('account', {})).rejects.toBe(
    long,
  )
})

test('a refusal is final', async () => {
  const refusal = new Problem('quota-exceeded', 'no room')
  const { calls, made } = scripted([refusal])
  const { pause } = recorded()
  await expect(retrying(calls, { pause, random: chance }).call('account', {})).rejects.toBe(refusal)
  expect(made()).toBe(1)
})

test('a call whose answer is used up by the first to arrive is not repeated when it may have arrived', async () => {
  const { pause } = recorded()
  const body = { attempt: 'a'.repeat(43), login: 'x' }
  const first = scripted([lost])
  await expect(retrying(first.calls, { pause, random: chance }).call('loginFinish', { body })).rejects.toBe(
    lost,
  )
  const refused = new Unreachable('down', Object.assign(new Error('x'), { code: 'ECONNREFUSED' }))
  const second = scripted([refused])
  await retrying(second.calls, { pause, random: chance }).call('loginFinish', { body })
  expect(second.made()).toBe(2)
})

test('a server that never answered is given up soon, one that did is waited for', async () => {
  const { pause } = recorded()
  const down = scripted(Array.from({ length: 20 }, () => lost))
  const calls = retrying(down.calls, { pause, random: chance })
  await expect(calls.call('account', {})).rejects.toBe(lost)
  expect(down.made()).toBe(2)
  const restarted = scripted([busy, ...Array.from({ length: 4 }, () => lost)])
  await retrying(restarted.calls, { pause, random: chance }).call('account', {})
  expect(restarted.made()).toBe(6)
  const seen = scripted(Array.from({ length: 4 }, () => lost))
  await retrying(seen.calls, { pause, random: chance, answered: true }).call('account', {})
  expect(seen.made()).toBe(5)
})
