/** All chance of a run comes from its seed. */
import type { Random } from '@pileus/core/crypto/random'

export interface Chance {
  /** 0 ≤ x < 1. */
  fraction(): number
  /** 0 ≤ n < limit. */
  below(limit: number): number
  pick<T>(from: readonly T[]): T
  /** True this often. */
  happens(probability: number): boolean
  bytes: Random
  /** For another source. */
  seed(): number
  /** Another source, independent of how much is drawn from this one. */
  fork(): Chance
}

/** xoshiro128** (Blackman, Vigna 2018), its state filled from the seed by splitmix32. */
export function chanceOf(seed: number): Chance {
  let mixed = seed >>> 0
  const splitmix = () => {
    mixed = (mixed + 0x9e3779b9) >>> 0
    let z = mixed
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
    return (z ^ (z >>> 16)) >>> 0
  }
  const s: [number, number, number, number] = [splitmix(), splitmix(), splitmix(), splitmix()]
  const rotate = (x: number, k: number) => ((x << k) | (x >>> (32 - k))) >>> 0
  const next = () => {
    const result = Math.imul(rotate(Math.imul(s[1], 5) >>> 0, 7), 9) >>> 0
    const t = (s[1] << 9) >>> 0
    s[2] ^= s[0]
    s[3] ^= s[1]
    s[1] ^= s[2]
    s[0] ^= s[3]
    s[2] ^= t
    s[3] = rotate(s[3] >>> 0, 11)
    return result
  }
  const chance: Chance = {
    fraction: () => next() / 2 ** 32,
    below: (limit) => Math.floor((next() / 2 ** 32) * limit),
    pick: (from) => from[chance.below(from.length)]!,
    happens: (probability) => chance.fraction() < probability,
    bytes(count) {
      const bytes = new Uint8Array(count)
      for (let n = 0; n < count; n++) bytes[n] = next() & 0xff
      return bytes
    },
    seed: next,
    fork: () => chanceOf(next()),
  }
  return chance
}
