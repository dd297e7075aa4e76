/** Reading CBOR that anybody may have written: what it costs is bounded by the bytes, their depth and their items. */
import { CBOR_MAX_BYTES, CBOR_MAX_DEPTH, CBOR_MAX_ITEMS } from '../limits.ts'
import {
  CborError,
  type CborLimits,
  type CborValue,
  FALSE,
  FOLLOWS,
  IN_HEAD,
  MAJOR,
  NULL,
  REFUSED_KEY,
  TRUE,
} from './cbor-format.ts'

/** Names must come back as they were: no byte order mark is dropped, and nothing that is bad is repaired. */
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
/** Of longer texts the platform reads more than a loop in the same time. */
const LOOP_MAX = 16

export class CborReader {
  readonly #bytes: Uint8Array
  readonly #canonical: boolean
  readonly #maxBytes: number
  readonly #maxDepth: number
  readonly #maxItems: number
  #at = 0
  #items = 0

  constructor(bytes: Uint8Array, limits: CborLimits) {
    this.#bytes = bytes
    this.#canonical = limits.canonical ?? false
    this.#maxBytes = limits.maxBytes ?? CBOR_MAX_BYTES
    this.#maxDepth = limits.maxDepth ?? CBOR_MAX_DEPTH
    this.#maxItems = limits.maxItems ?? CBOR_MAX_ITEMS
  }

  /** The one value that the bytes hold. Throws CborError. */
  read(): CborValue {
    const { length } = this.#bytes
    if (length > this.#maxBytes) {
      throw new CborError(`cannot read CBOR of ${length} bytes: at most ${this.#maxBytes} are taken`, 0)
    }
    const value = this.#value(0)
    if (this.#at < length) this.#refuse(this.#at, `${length - this.#at} bytes follow the value`)
    return value
  }

  #value(depth: number): CborValue {
    const start = this.#begin()
    const first = this.#bytes[start]!
    switch (first >> 5) {
      case MAJOR.uint:
        return this.#count(start)
      case MAJOR.negint:
        return this.#negative(start)
      case MAJOR.bytes: {
        const end = this.#end(start)
        const copy = new Uint8Array(this.#bytes.subarray(this.#at, end))
        this.#at = end
        return copy
      }
      case MAJOR.text:
        return this.#text(start)
      case MAJOR.array:
        return this.#array(start, depth)
      case MAJOR.map:
        return this.#map(start, depth)
      default:
        return this.#simple(start, first)
    }
  }

  /** Where the next value or key begins, which is counted. */
  #begin(): number {
    const start = this.#at
    if (++this.#items > this.#maxItems) this.#refuse(start, `more than ${this.#maxItems} items`)
    if (start >= this.#bytes.length) this.#refuse(start, 'it ends too early')
    return start
  }

  #simple(start: number, first: number): boolean | null {
    this.#at++
    switch (first) {
      case FALSE:
        return false
      case TRUE:
        return true
      case NULL:
        return null
      default:
        return this.#refuse(start, `a value that begins with ${first} is not part of the format`)
    }
  }

  #negative(start: number): number {
    const value = -1 - this.#count(start)
    if (value < Number.MIN_SAFE_INTEGER) this.#refuse(start, 'the integer is too large')
    return value
  }

  /** The count in a head, which must be in its shortest form; what follows the head is next. */
  #count(start: number): number {
    const minor = this.#bytes[start]! & 31
    this.#at = start + 1
    if (minor < IN_HEAD) return minor
    if (minor > FOLLOWS.eight) this.#refuse(start, 'no length is told before it')
    const bytes = 1 << (minor - FOLLOWS.one)
    const end = this.#at + bytes
    if (end > this.#bytes.length) this.#refuse(start, 'it ends too early')
    let count = 0
    for (; this.#at < end; this.#at++) count = count * 256 + this.#bytes[this.#at]!
    if (count > Number.MAX_SAFE_INTEGER) this.#refuse(start, 'the integer is too large')
    if (count < LEAST[minor]!) this.#refuse(start, 'more bytes are used than needed')
    return count
  }

  /** Where the bytes of a byte string or text end that begin now. */
  #end(start: number): number {
    const length = this.#count(start)
    const left = this.#bytes.length - this.#at
    if (length > left) this.#refuse(start, `${length} bytes are announced, ${left} are left`)
    return this.#at + length
  }

  #text(start: number): string {
    const end = this.#end(start)
    const from = this.#at
    this.#at = end
    if (end - from <= LOOP_MAX) {
      let text = ''
      let at = from
      for (; at < end; at++) {
        const byte = this.#bytes[at]!
        if (byte >= 0x80) break
        text += String.fromCharCode(byte)
      }
      if (at === end) return text
    }
    try {
      return UTF8.decode(this.#bytes.subarray(from, end))
    } catch {
      return this.#refuse(start, 'a string is not valid UTF-8')
    }
  }

  #array(start: number, depth: number): CborValue[] {
    const length = this.#enter(start, depth, 1)
    const items: CborValue[] = []
    for (let i = 0; i < length; i++) items.push(this.#value(depth + 1))
    return items
  }

  #map(start: number, depth: number): Record<string, CborValue> {
    const length = this.#enter(start, depth, 2)
    const map: Record<string, CborValue> = {}
    let last = -1
    let lastEnd = -1
    for (let i = 0; i < length; i++) {
      const at = this.#begin()
      const key = this.#key(at)
      if (Object.hasOwn(map, key)) this.#refuse(at, `the key ${shown(key)} stands there twice`)
      if (this.#canonical && last >= 0 && !this.#ascends(last, lastEnd, at))
        this.#refuse(at, `the key ${shown(key)} is out of order`)
      last = at
      lastEnd = this.#at
      map[key] = this.#value(depth + 1)
    }
    return map
  }

  #key(start: number): string {
    if (this.#bytes[start]! >> 5 !== MAJOR.text) this.#refuse(start, 'a key is not a string')
    const key = this.#text(start)
    if (key === REFUSED_KEY) this.#refuse(start, `the key "${REFUSED_KEY}" is not taken`)
    return key
  }

  /** Keys are ordered by their encodings, byte by byte; none is a prefix of another. */
  #ascends(last: number, lastEnd: number, at: number): boolean {
    for (let i = 0; last + i < lastEnd; i++) {
      const step = this.#bytes[at + i]! - this.#bytes[last + i]!
      if (step !== 0) return step > 0
    }
    return false
  }

  /** How many items or pairs an array or map has, each of so many values. */
  #enter(start: number, depth: number, values: number): number {
    const length = this.#count(start)
    if (depth >= this.#maxDepth) this.#refuse(start, `nested deeper than ${this.#maxDepth}`)
    const left = this.#bytes.length - this.#at
    if (values * length > left)
      this.#refuse(start, `${values * length} items are announced, ${left} bytes are left`)
    return length
  }

  #refuse(at: number, why: string): never {
    throw new CborError(`cannot read CBOR at byte ${at}: ${why}`, at)
  }
}

/** The least count that needs the bytes which follow, by the low bits of the head. */
const LEAST: Readonly<Record<number, number>> = {
  [FOLLOWS.one]: IN_HEAD,
  [FOLLOWS.two]: 0x100,
  [FOLLOWS.four]: 0x1_0000,
  [FOLLOWS.eight]: 0x1_0000_0000,
}

function shown(key: string): string {
  return JSON.stringify(key.slice(0, 80))
}
