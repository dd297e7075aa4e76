/** Bad inputs made of good ones: bytes changed anywhere, values changed in their structure, or nothing but chance. */
import type { CborValue } from '@pileus/core/bytes/cbor'
import type { Chance } from '../world/random.ts'

const RANDOM_MAX_BYTES = 600
const GROWN_MAX_BYTES = 70_000
/** Bytes that mean something in CBOR, in JSON, in UTF-8 or as lengths. */
const TELLING = [
  0x00, 0x01, 0x17, 0x18, 0x1b, 0x3b, 0x5b, 0x7f, 0x80, 0x9f, 0xbf, 0xc2, 0xf6, 0xfb, 0xff, 0x22, 0x5c, 0x7b,
]

/** One to four changes of a sample; now and then only chance. */
export function mutatedBytes(chance: Chance, samples: readonly Uint8Array[]): Uint8Array {
  if (samples.length === 0 || chance.happens(0.1)) return chance.bytes(chance.below(RANDOM_MAX_BYTES))
  let bytes = chance.pick(samples)
  for (let n = 1 + chance.below(4); n > 0; n--) bytes = chance.pick(CHANGES)(chance, bytes, samples)
  return bytes
}

type Change = (chance: Chance, bytes: Uint8Array, samples: readonly Uint8Array[]) => Uint8Array

const CHANGES: readonly Change[] = [
  function flipBit(chance, bytes) {
    return altered(bytes, chance.below(bytes.length), (byte) => byte ^ (1 << chance.below(8)))
  },
  function setByte(chance, bytes) {
    return altered(bytes, chance.below(bytes.length), () => chance.pick(TELLING))
  },
  function overwrite(chance, bytes) {
    const copy = Uint8Array.from(bytes)
    const at = chance.below(bytes.length)
    copy.set(chance.bytes(Math.min(1 + chance.below(16), bytes.length - at)), at)
    return copy
  },
  function cut(chance, bytes) {
    return bytes.subarray(0, chance.below(bytes.length + 1))
  },
  function takeOut(chance, bytes) {
    const [from, to] = span(chance, bytes)
    return joined(bytes.subarray(0, from), bytes.subarray(to))
  },
  function double(chance, bytes) {
    const [from, to] = span(chance, bytes)
    return joined(bytes.subarray(0, to), bytes.subarray(from))
  },
  function insert(chance, bytes) {
    const at = chance.below(bytes.length + 1)
    return joined(bytes.subarray(0, at), chance.bytes(1 + chance.below(16)), bytes.subarray(at))
  },
  function splice(chance, bytes, samples) {
    const other = chance.pick(samples)
    return joined(
      bytes.subarray(0, chance.below(bytes.length + 1)),
      other.subarray(chance.below(other.length + 1)),
    )
  },
]

function altered(bytes: Uint8Array, at: number, change: (byte: number) => number): Uint8Array {
  if (bytes.length === 0) return bytes
  const copy = Uint8Array.from(bytes)
  copy[at] = change(copy[at]!)
  return copy
}

function span(chance: Chance, bytes: Uint8Array): [number, number] {
  const from = chance.below(bytes.length + 1)
  return [from, Math.min(bytes.length, from + 1 + chance.below(64))]
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole.length > GROWN_MAX_BYTES ? whole.subarray(0, GROWN_MAX_BYTES) : whole
}

/** Values that break assumptions, in the subset of CBOR and JSON that is written here. */
const ODD: readonly CborValue[] = [
  null,
  true,
  0,
  -1,
  1,
  2 ** 32,
  Number.MAX_SAFE_INTEGER,
  Number.MIN_SAFE_INTEGER,
  '',
  '.',
  '..',
  '../../etc/passwd',
  'a/b',
  '\u0000',
  '\u202etxt',
  'x'.repeat(300),
  '__proto__',
  [],
  {},
  [[[[[[]]]]]],
  new Uint8Array(0),
  new Uint8Array(32),
  new Uint8Array(33),
  new Uint8Array(2_000),
]

/** The value with something in its structure changed: another value somewhere, one more, one less, one twice. */
export function mutatedValue(chance: Chance, value: CborValue, depth = 0): CborValue {
  const inside = depth < 12 && chance.happens(0.85)
  if (inside && Array.isArray(value) && value.length > 0) {
    const at = chance.below(value.length)
    if (chance.happens(0.1)) return value.toSpliced(at, 1)
    if (chance.happens(0.1)) return value.toSpliced(at, 0, value[at] as CborValue)
    return value.with(at, mutatedValue(chance, value[at] as CborValue, depth + 1))
  }
  if (inside && isMap(value) && Object.keys(value).length > 0) {
    const key = chance.pick(Object.keys(value))
    const { [key]: inner, ...rest } = value
    if (chance.happens(0.08)) return rest
    if (chance.happens(0.08)) return { ...value, [chance.pick(['__proto__', 'more', 'constructor'])]: inner! }
    return { ...value, [key]: mutatedValue(chance, inner!, depth + 1) }
  }
  if (value instanceof Uint8Array && chance.happens(0.7)) return mutatedBytes(chance, [value])
  if (typeof value === 'string' && chance.happens(0.4))
    return `${value.slice(chance.below(value.length + 1))}0`
  if (typeof value === 'number' && chance.happens(0.4)) return value + chance.pick([-1, 1, 255, 65_536])
  return chance.pick(ODD)
}

function isMap(value: CborValue): value is { readonly [key: string]: CborValue } {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
  )
}
