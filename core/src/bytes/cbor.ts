/**
 * The one binary encoding: deterministic CBOR (RFC 8949 §4.2.1) over a small set of values. Formats that are
 * hashed, signed or authenticated rest on two promises: one value has one encoding, and reading hostile bytes
 * costs bounded time, depth and memory.
 */
import { type DecodeOptions, decode, encode, type Token, Tokenizer, Type } from 'cborg'
import { CBOR_MAX_BYTES, CBOR_MAX_DEPTH, CBOR_MAX_ITEMS } from '../limits.ts'

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

/** The deterministic encoding. Throws CborError for what is not a CborValue or is nested too deep. */
export function encodeCbor(value: CborValue): Uint8Array {
  assertEncodable(value, '', 0)
  return plain(encode(value))
}

/**
 * The value these bytes hold, all of them. Integers and lengths must be in their shortest form and keys
 * unique; with `canonical` keys must also be in order. Throws CborError and nothing else.
 */
export function decodeCbor(bytes: Uint8Array, limits: CborLimits = {}): CborValue {
  const maxBytes = limits.maxBytes ?? CBOR_MAX_BYTES
  if (bytes.length > maxBytes) {
    throw new CborError(`cannot read CBOR of ${bytes.length} bytes: at most ${maxBytes} are taken`, 0)
  }
  const data = plain(bytes)
  const tokenizer = new BoundedTokenizer(data, limits)
  try {
    return decode(data, { ...OPTIONS, tokenizer }) as CborValue
  } catch (error) {
    if (error instanceof CborError) throw error
    const at = tokenizer.pos()
    throw new CborError(`cannot read CBOR at byte ${at}: ${(error as Error).message}`, at)
  }
}

/** A view that is never a Buffer, whose slice() aliases; on Node the library hands some out. */
function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
}

const OPTIONS: DecodeOptions = {
  strict: true,
  allowIndefinite: false,
  allowUndefined: false,
  allowInfinity: false,
  allowNaN: false,
  allowBigInt: false,
  rejectDuplicateMapKeys: true,
}

const ALLOWED: ReadonlySet<Type> = new Set([
  Type.uint,
  Type.negint,
  Type.bytes,
  Type.string,
  Type.array,
  Type.map,
  Type.null,
  Type.true,
  Type.false,
])

/** The library keeps a byte order mark out of strings and repairs bad UTF-8; names must come back as they were. */
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** An array or map that is being read. */
interface Open {
  readonly map: boolean
  /** Items still to come; a map entry is two. */
  remaining: number
  /** Where the last key's encoding stands, to compare the next with. */
  keyStart: number
  keyEnd: number
}

class BoundedTokenizer extends Tokenizer {
  readonly #maxDepth: number
  readonly #maxItems: number
  readonly #canonical: boolean
  readonly #bytes: Uint8Array
  readonly #open: Open[] = []
  #items = 0

  constructor(bytes: Uint8Array, limits: CborLimits) {
    super(bytes, OPTIONS)
    this.#bytes = bytes
    this.#maxDepth = limits.maxDepth ?? CBOR_MAX_DEPTH
    this.#maxItems = limits.maxItems ?? CBOR_MAX_ITEMS
    this.#canonical = limits.canonical ?? false
  }

  override next(): Token {
    const start = this.pos()
    if (++this.#items > this.#maxItems) this.#refuse(start, `more than ${this.#maxItems} items`)
    const token = super.next()
    const end = this.pos()
    if (!ALLOWED.has(token.type)) this.#refuse(start, `${token.type.name} is not part of the format`)
    if (token.type === Type.string) this.#readText(token, start, end)
    const parent = this.#open.at(-1)
    if (parent) {
      if (parent.map && parent.remaining % 2 === 0) this.#checkKey(parent, token, start, end)
      parent.remaining--
    }
    if (token.type === Type.array || token.type === Type.map) this.#enter(token, start, end)
    while (this.#open.at(-1)?.remaining === 0) this.#open.pop()
    return token
  }

  #readText(token: Token, start: number, end: number): void {
    // The payload is the end of the token; its head has 1, 2, 3, 5 or 9 bytes, told by the low bits.
    const minor = this.#bytes[start]! & 31
    const head = minor < 24 ? 1 : 1 + 2 ** (minor - 24)
    // As many characters as bytes, none of them standing for a bad byte: plain ASCII.
    if (token.value.length === end - start - head && !token.value.includes('\ufffd')) return
    try {
      token.value = UTF8.decode(this.#bytes.subarray(start + head, end))
    } catch {
      this.#refuse(start, 'a string is not valid UTF-8')
    }
  }

  #checkKey(map: Open, token: Token, start: number, end: number): void {
    if (token.type !== Type.string) this.#refuse(start, `a key is ${token.type.name}, not a string`)
    if (token.value === '__proto__') this.#refuse(start, 'the key "__proto__" is not taken')
    if (this.#canonical && map.keyEnd > 0 && !this.#ascends(map, start, end)) {
      this.#refuse(start, `the key ${JSON.stringify(token.value.slice(0, 80))} is out of order`)
    }
    map.keyStart = start
    map.keyEnd = end
  }

  /** Keys are ordered by their encodings, byte by byte; none is a prefix of another. */
  #ascends(map: Open, start: number, end: number): boolean {
    for (let i = 0; map.keyStart + i < map.keyEnd && start + i < end; i++) {
      const step = this.#bytes[start + i]! - this.#bytes[map.keyStart + i]!
      if (step !== 0) return step > 0
    }
    return false
  }

  #enter(token: Token, start: number, end: number): void {
    const map = token.type === Type.map
    const remaining = map ? 2 * token.value : token.value
    if (this.#open.length >= this.#maxDepth) {
      this.#refuse(start, `nested deeper than ${this.#maxDepth}`)
    }
    if (remaining > this.#bytes.length - end) {
      this.#refuse(start, `${remaining} items are announced, ${this.#bytes.length - end} bytes are left`)
    }
    this.#open.push({ map, remaining, keyStart: 0, keyEnd: 0 })
  }

  #refuse(at: number, why: string): never {
    throw new CborError(`cannot read CBOR at byte ${at}: ${why}`, at)
  }
}

function assertEncodable(value: unknown, path: string, depth: number): void {
  if (value === null || typeof value === 'boolean' || value instanceof Uint8Array) return
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) refuseValue(path, `${value} is not a safe integer`)
    return
  }
  if (typeof value === 'string') {
    if (!value.isWellFormed()) refuseValue(path, 'the string holds half of a surrogate pair')
    return
  }
  if (typeof value !== 'object') refuseValue(path, `it is ${typeof value}`)
  if (depth >= CBOR_MAX_DEPTH) refuseValue(path, `nested deeper than ${CBOR_MAX_DEPTH}`)
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) assertEncodable(value[i], `${path}/${i}`, depth + 1)
    return
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) refuseValue(path, 'it is not a plain object')
  for (const [key, item] of Object.entries(value)) {
    if (key === '__proto__') refuseValue(path, 'the key "__proto__" is not taken')
    if (!key.isWellFormed()) refuseValue(path, 'a key holds half of a surrogate pair')
    assertEncodable(item, `${path}/${key}`, depth + 1)
  }
}

function refuseValue(path: string, why: string): never {
  throw new CborError(`cannot write ${path || 'the value'} as CBOR: ${why}`, -1)
}
