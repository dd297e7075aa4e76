/**
 * Reading the fields of a fixed format out of hostile bytes: every helper takes exactly one shape and throws
 * for any other, and `readFormat` turns whatever was wrong into the one error of the format being read.
 */
import { CborError, type CborLimits, type CborValue, decodeCbor } from '../bytes/cbor.ts'
import { InvalidId } from '../ids/ids.ts'
import { type FORMAT, SUITE } from './suite.ts'

/** A field that is not what its format says. Only `readFormat` sees it. */
export class BadField extends Error {
  constructor(why: string) {
    super(why)
    this.name = 'BadField'
  }
}

/**
 * The value `read` makes of an array that begins with the suite and this format's number. `read` gets the
 * fields after those two. Anything wrong with the bytes is thrown as `refuse(why)`.
 */
export function readFormat<T>(
  bytes: Uint8Array,
  format: (typeof FORMAT)[keyof typeof FORMAT],
  limits: CborLimits,
  read: (fields: readonly CborValue[]) => T,
  refuse: (why: string) => Error,
): T {
  try {
    const items = arrayField(decodeCbor(bytes, { ...limits, canonical: true }), 'format')
    const [suite, number] = items
    if (suite !== SUITE) throw new BadField(`suite ${show(suite)}, but only suite ${SUITE} is opened`)
    if (number !== format) throw new BadField(`format ${show(number)} where ${format} should be`)
    return read(items.slice(2))
  } catch (error) {
    if (error instanceof BadField || error instanceof CborError || error instanceof InvalidId) {
      throw refuse(error.message)
    }
    throw error
  }
}

export function arrayField(
  value: CborValue | undefined,
  name: string,
  length?: number,
): readonly CborValue[] {
  if (!Array.isArray(value)) throw new BadField(`${name} is not an array`)
  if (length !== undefined) expectLength(value, name, length)
  return value
}

export function expectLength(fields: readonly CborValue[], name: string, length: number): void {
  if (fields.length !== length) throw new BadField(`${name} has ${fields.length} fields, expected ${length}`)
}

/** A byte string of exactly `length` bytes, or of at least `length.min` and at most `length.max`. */
export function bytesField(
  value: CborValue | undefined,
  name: string,
  length: number | { min: number; max: number },
): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new BadField(`${name} is not a byte string`)
  const { min, max } = typeof length === 'number' ? { min: length, max: length } : length
  if (value.length < min || value.length > max) {
    throw new BadField(
      `${name} has ${value.length} bytes, expected ${min === max ? min : `${min} to ${max}`}`,
    )
  }
  return value
}

/** An integer from `min` to `max`. */
export function countField(
  value: CborValue | undefined,
  name: string,
  min = 0,
  max = Number.MAX_SAFE_INTEGER,
): number {
  if (!Number.isSafeInteger(value) || (value as number) < min || (value as number) > max) {
    throw new BadField(`${name} is ${show(value)}, expected an integer from ${min} to ${max}`)
  }
  return value as number
}

export function textField(value: CborValue | undefined, name: string): string {
  if (typeof value !== 'string') throw new BadField(`${name} is not a text`)
  return value
}

export function booleanField(value: CborValue | undefined, name: string): boolean {
  if (typeof value !== 'boolean') throw new BadField(`${name} is not true or false`)
  return value
}

function show(value: CborValue | undefined): string {
  if (value instanceof Uint8Array) return `${value.length} bytes`
  return String(JSON.stringify(value)).slice(0, 80)
}
