/** Writing CBOR: the value is checked and measured first, then written into memory of exactly that length. */
import { CBOR_MAX_DEPTH } from '../limits.ts'
import { CborError, FALSE, FOLLOWS, IN_HEAD, MAJOR, NULL, REFUSED_KEY, TRUE } from './cbor-format.ts'

const UTF8 = new TextEncoder()
/** Of longer texts the platform writes more than a loop in the same time. */
const LOOP_MAX = 256
const FEW_KEYS = 16

export class CborWriter {
  readonly #value: unknown
  /** Where in the value the measuring stands: a key or an index for each level. */
  readonly #path: (string | number)[] = []
  /** The keys of each map in the order of their encodings, map after map as they are come upon. */
  readonly #keys: (readonly string[])[] = []
  #nextKeys = 0
  #bytes = new Uint8Array(0)
  #at = 0

  constructor(value: unknown) {
    this.#value = value
  }

  /** Once. Throws CborError. */
  write(): Uint8Array {
    this.#bytes = new Uint8Array(this.#measure(this.#value, 0))
    this.#put(this.#value)
    return this.#bytes
  }

  /** Bytes of the value's encoding, after checking that it has one. */
  #measure(value: unknown, depth: number): number {
    switch (typeof value) {
      case 'string':
        return this.#measureText(value, depth)
      case 'number':
        if (!Number.isSafeInteger(value)) this.#refuse(depth, `${value} is not a safe integer`)
        return headBytes(value < 0 ? -1 - value : value)
      case 'boolean':
        return 1
      case 'object':
        if (value === null) return 1
        if (value instanceof Uint8Array) return headBytes(value.length) + value.length
        if (depth >= CBOR_MAX_DEPTH) this.#refuse(depth, `nested deeper than ${CBOR_MAX_DEPTH}`)
        return Array.isArray(value) ? this.#measureArray(value, depth) : this.#measureMap(value, depth)
      default:
        return this.#refuse(depth, `it is ${typeof value}`)
    }
  }

  #measureText(text: string, depth: number): number {
    if (!text.isWellFormed()) this.#refuse(depth, 'the string holds half of a surrogate pair')
    const length = utf8Bytes(text)
    return headBytes(length) + length
  }

  #measureArray(items: readonly unknown[], depth: number): number {
    let bytes = headBytes(items.length)
    for (let i = 0; i < items.length; i++) {
      this.#path[depth] = i
      bytes += this.#measure(items[i], depth + 1)
    }
    return bytes
  }

  #measureMap(map: object, depth: number): number {
    const prototype: unknown = Object.getPrototypeOf(map)
    if (prototype !== Object.prototype && prototype !== null) this.#refuse(depth, 'it is not a plain object')
    const keys = Object.keys(map)
    for (const key of keys) {
      if (key === REFUSED_KEY) this.#refuse(depth, `the key "${REFUSED_KEY}" is not taken`)
      if (!key.isWellFormed()) this.#refuse(depth, 'a key holds half of a surrogate pair')
    }
    sortKeys(keys)
    this.#keys.push(keys)
    let bytes = headBytes(keys.length)
    for (const key of keys) {
      this.#path[depth] = key
      const length = utf8Bytes(key)
      bytes += headBytes(length) + length + this.#measure(map[key as keyof typeof map], depth + 1)
    }
    return bytes
  }

  #put(value: unknown): void {
    switch (typeof value) {
      case 'string':
        this.#putText(value)
        break
      case 'number':
        if (value < 0) this.#putHead(MAJOR.negint, -1 - value)
        else this.#putHead(MAJOR.uint, value)
        break
      case 'boolean':
        this.#bytes[this.#at++] = value ? TRUE : FALSE
        break
      default:
        if (value === null) this.#bytes[this.#at++] = NULL
        else this.#putCompound(value as object)
    }
  }

  #putCompound(value: object): void {
    if (value instanceof Uint8Array) {
      this.#putHead(MAJOR.bytes, value.length)
      this.#bytes.set(value, this.#at)
      this.#at += value.length
    } else if (Array.isArray(value)) {
      this.#putHead(MAJOR.array, value.length)
      for (const item of value) this.#put(item)
    } else {
      const keys = this.#keys[this.#nextKeys++]!
      this.#putHead(MAJOR.map, keys.length)
      for (const key of keys) {
        this.#putText(key)
        this.#put(value[key as keyof typeof value])
      }
    }
  }

  #putText(text: string): void {
    const length = utf8Bytes(text)
    this.#putHead(MAJOR.text, length)
    const bytes = this.#bytes
    const at = this.#at
    if (length === text.length && length <= LOOP_MAX) {
      for (let i = 0; i < length; i++) bytes[at + i] = text.charCodeAt(i)
    } else UTF8.encodeInto(text, bytes.subarray(at))
    this.#at = at + length
  }

  #putHead(major: number, count: number): void {
    const bytes = this.#bytes
    const first = major << 5
    if (count < IN_HEAD) {
      bytes[this.#at++] = first | count
      return
    }
    const following = headBytes(count) - 1
    bytes[this.#at] = first | FOLLOWING_BITS[following]!
    let rest = count
    for (let at = this.#at + following; at > this.#at; at--) {
      bytes[at] = rest % 256
      rest = Math.floor(rest / 256)
    }
    this.#at += 1 + following
  }

  #refuse(depth: number, why: string): never {
    const path = this.#path.slice(0, depth).map((step) => `/${step}`)
    throw new CborError(`cannot write ${path.join('') || 'the value'} as CBOR: ${why}`, -1)
  }
}

/** By how many bytes follow the first of a head. */
const FOLLOWING_BITS: Readonly<Record<number, number>> = {
  1: FOLLOWS.one,
  2: FOLLOWS.two,
  4: FOLLOWS.four,
  8: FOLLOWS.eight,
}

function headBytes(count: number): number {
  if (count < IN_HEAD) return 1
  if (count < 0x100) return 2
  if (count < 0x1_0000) return 3
  return count < 0x1_0000_0000 ? 5 : 9
}

/** Of a well-formed text. */
function utf8Bytes(text: string): number {
  let bytes = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) continue
    // Each half of a surrogate pair is two of its four bytes.
    bytes += unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 1 : 2
  }
  return bytes
}

/** Few, and often in order already: then moving one by one beats a sort. */
function sortKeys(keys: string[]): void {
  if (keys.length > FEW_KEYS) {
    keys.sort(compareKeys)
    return
  }
  for (let i = 1; i < keys.length; i++) {
    const key = keys[i]!
    let at = i
    for (; at > 0 && compareKeys(keys[at - 1]!, key) > 0; at--) keys[at] = keys[at - 1]!
    keys[at] = key
  }
}

/** By their encodings: a shorter one comes first, since its length stands before it. */
function compareKeys(a: string, b: string): number {
  const left = utf8Bytes(a)
  const right = utf8Bytes(b)
  if (left !== right) return left - right
  if (left === a.length && right === b.length) return a < b ? -1 : 1
  const one = UTF8.encode(a)
  const other = UTF8.encode(b)
  const at = one.findIndex((byte, i) => byte !== other[i])
  return one[at]! - other[at]!
}
