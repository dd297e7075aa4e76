/**
 * The one binary encoding: deterministic CBOR (RFC 8949 §4.2.1) over a small set of values. Formats that are
 * hashed, signed or authenticated rest on two promises: one value has one encoding, and reading hostile bytes
 * costs bounded time, depth and memory.
 */
import type { CborLimits, CborValue } from './cbor-format.ts'
import { CborReader } from './cbor-reader.ts'
import { CborWriter } from './cbor-writer.ts'

export { CborError, type CborLimits, type CborValue } from './cbor-format.ts'

/** The deterministic encoding. Throws CborError for what is not a CborValue or is nested too deep. */
export function encodeCbor(value: CborValue): Uint8Array {
  return new CborWriter(value).write()
}

/**
 * The value these bytes hold, all of them. Integers and lengths must be in their shortest form and keys
 * unique; with `canonical` keys must also be in order. Byte strings are copies. Throws CborError and nothing else.
 */
export function decodeCbor(bytes: Uint8Array, limits: CborLimits = {}): CborValue {
  return new CborReader(bytes, limits).read()
}
