/** What reading and writing CBOR have in common: the values, the errors, and the heads of RFC 8949 §3. */

/** What can be written: no floats, no tags, no undefined; integers are safe, strings well-formed. */
export type CborValue =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | readonly CborValue[]
  | { readonly [key: string]: CborValue }

export interface CborLimits {
  /** Refuse everything that `encodeCbor` would have written otherwise: key order is checked too. */
  readonly canonical?: boolean
  readonly maxBytes?: number
  /** Nested arrays and maps. */
  readonly maxDepth?: number
  /** Every value and every key counts as one. */
  readonly maxItems?: number
}

/** Bytes that are not bounded, well-formed CBOR of our subset, or a value that cannot be written as such. */
export class CborError extends Error {
  /** Offset in the bytes, or -1 when a value could not be written. */
  readonly at: number
  constructor(message: string, at: number) {
    super(message)
    this.name = 'CborError'
    this.at = at
  }
}

/** Major types, the high three bits of a head. */
export const MAJOR = { uint: 0, negint: 1, bytes: 2, text: 3, array: 4, map: 5 } as const

export const FALSE = 0xf4
export const TRUE = 0xf5
export const NULL = 0xf6

/** A count below this stands in the first byte of a head. */
export const IN_HEAD = 24
/** The low bits that say that a count of 1, 2, 4 or 8 bytes follows. */
export const FOLLOWS = { one: 24, two: 25, four: 26, eight: 27 } as const

/** Would change the object that holds it, instead of becoming a key of it. */
export const REFUSED_KEY = '__proto__'
