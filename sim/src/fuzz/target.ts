/** Something that reads what others wrote, and how it may say no. */
import { CborError, type CborValue, decodeCbor, encodeCbor } from '@pileus/core/bytes/cbor'
import type { Chance } from '../world/random.ts'
import { mutatedBytes, mutatedValue } from './mutate.ts'

export interface Target {
  readonly name: string
  /** The next bad input. */
  input(chance: Chance): Uint8Array
  /** Reads it: returns, or throws an error of one of the classes in `refusals`. Anything else is a bug. */
  read(bytes: Uint8Array): unknown
  /** Names of error classes; with a colon, of the reason or code they must have. */
  readonly refusals: readonly string[]
  /** How often it is chosen among the others; 1 unless given. Slow ones less. */
  readonly share?: number
}

/** Bytes that are changed as bytes. */
export function ofBytes(
  name: string,
  samples: readonly Uint8Array[],
  refusals: readonly string[],
  read: (bytes: Uint8Array) => unknown,
  share = 1,
): Target {
  return { name, refusals, read, share, input: (chance) => mutatedBytes(chance, samples) }
}

/** CBOR that is changed as bytes or in its structure, half and half. */
export function ofCbor(
  name: string,
  samples: readonly Uint8Array[],
  refusals: readonly string[],
  read: (bytes: Uint8Array) => unknown,
  share = 1,
): Target {
  const values = samples.map((bytes) => decodeCbor(bytes))
  const input = (chance: Chance): Uint8Array =>
    chance.happens(0.5) ? mutatedBytes(chance, samples) : encoded(mutatedValue(chance, chance.pick(values)))
  return { name, refusals, read, share, input }
}

/** What cannot be written (a lone surrogate that a cut left) is sent as something else. */
function encoded(value: CborValue): Uint8Array {
  try {
    return encodeCbor(value)
  } catch (error) {
    if (error instanceof CborError) return new Uint8Array(1)
    throw error
  }
}
