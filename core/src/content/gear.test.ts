import { createCipheriv } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { candidates } from './gear.ts'
import { BLOCK_BYTES } from './gear-program.ts'

function noise(seed: number, length: number): Uint8Array {
  const key = Buffer.alloc(16)
  key.writeUInt32BE(seed)
  return new Uint8Array(createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(new Uint8Array(length)))
}

const tableOf = (seed: number) => new Int32Array(noise(seed, 1024).buffer)

/** CNT-2 by the letter. */
function naiveCandidates(table: Int32Array, bytes: Uint8Array, from: number, end: number): number[] {
  const found: number[] = []
  for (let position = from; position <= end; position++) {
    let sum = 0
    for (let back = 0; back < 32; back++) sum += Math.imul(table[bytes[position - 1 - back]!]!, 2 ** back)
    if (sum >>> 0 < 2 ** 18) found.push(position)
  }
  return found
}

describe('candidates (CNT-2)', () => {
  it('are those of the definition, in any part of the data', () => {
    const bytes = noise(1, 12 * BLOCK_BYTES)
    const place = fc.integer({ min: 32, max: bytes.length })
    const length = fc.integer({ min: 0, max: 4 * BLOCK_BYTES })
    const seed = fc.nat(1_000_000)
    fc.assert(
      fc.property(seed, place, length, (key, from, span) => {
        const end = Math.min(bytes.length, from + span)
        const table = tableOf(key)
        const found = [...candidates(table, bytes, from, end)]
        expect(found).toEqual(naiveCandidates(table, bytes, from, end))
      }),
      { numRuns: 60 },
    )
  })

  it('are all positions where the table says so, and what one scan saw is nothing to the next', () => {
    const zero = new Int32Array(256)
    const bytes = new Uint8Array(2 * BLOCK_BYTES + 100)
    expect([...candidates(zero, bytes, 32, bytes.length)]).toHaveLength(bytes.length - 31)
    expect([...candidates(zero, bytes, 40, 39)]).toEqual([])
    expect([...candidates(zero, bytes, 40, 42)]).toEqual([40, 41, 42])
  })

  it('are found in memory that threads share', () => {
    const bytes = new Uint8Array(new SharedArrayBuffer(6 * BLOCK_BYTES))
    bytes.set(noise(3, bytes.length))
    const table = tableOf(4)
    const found = [...candidates(table, bytes, 33, bytes.length)]
    expect(found.length).toBeGreaterThan(1)
    expect(found).toEqual(naiveCandidates(table, bytes, 33, bytes.length))
  })
})
