/** A value that fits a schema of the protocol, as far as the schema's words say. */
import { toBase64url } from '@pileus/core/bytes/base64url'
import type { TSchema } from '@pileus/core/protocol/schema'
import type { Chance } from '../world/random.ts'

/** The words that the schemas of the protocol are written in. */
interface Words {
  readonly 'x-bytes'?: true
  readonly 'x-min-bytes'?: number
  readonly 'x-max-bytes'?: number
  readonly const?: unknown
  readonly type?: string
  readonly anyOf?: readonly TSchema[]
  readonly properties?: Readonly<Record<string, TSchema>>
  readonly required?: readonly string[]
  readonly items?: TSchema
  readonly minItems?: number
  readonly maxItems?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly pattern?: string
  readonly minLength?: number
  readonly maxLength?: number
  /** Bytes, in a schema that was made for JSON. */
  readonly contentEncoding?: string
}

/** `binary`: byte strings are bytes, not the text that stands for them. */
export function sampleOf(chance: Chance, schema: TSchema, binary = true): unknown {
  const words = schema as Words
  if (words['x-bytes']) {
    const min = words['x-min-bytes'] ?? 0
    return chance.bytes(min + chance.below(Math.min(40, (words['x-max-bytes'] ?? 40) - min + 1)))
  }
  if (words.contentEncoding === 'base64url') {
    const [min, max] = [words.minLength ?? 0, words.maxLength ?? 60].map((length) =>
      Math.floor((length * 3) / 4),
    )
    const bytes = chance.bytes(min! + chance.below(Math.min(40, max! - min! + 1)))
    return binary ? bytes : toBase64url(bytes)
  }
  if (words.const !== undefined) return words.const
  if (words.anyOf) return sampleOf(chance, chance.pick(words.anyOf), binary)
  switch (words.type) {
    case 'object':
      return objectOf(chance, words, binary)
    case 'array': {
      const least = words.minItems ?? 0
      const count = least + chance.below(Math.min(3, (words.maxItems ?? 3) - least + 1))
      return Array.from({ length: count }, () => sampleOf(chance, words.items!, binary))
    }
    case 'integer':
    case 'number': {
      const [min, max] = [words.minimum ?? 0, words.maximum ?? 1_000]
      return chance.happens(0.2) ? max : min + chance.below(Math.min(1_000, max - min + 1))
    }
    case 'boolean':
      return chance.happens(0.5)
    case 'null':
      return null
    default:
      return textOf(chance, words)
  }
}

function objectOf(chance: Chance, { properties = {}, required = [] }: Words, binary: boolean): object {
  const wanted = Object.entries(properties).filter(([key]) => required.includes(key) || chance.happens(0.5))
  return Object.fromEntries(wanted.map(([key, property]) => [key, sampleOf(chance, property, binary)]))
}

/** Patterns here are one class of characters, counted: `^[0-9a-f]{64}$`, `^[a-z0-9][a-z0-9._-]{0,63}$`. */
function textOf(chance: Chance, { pattern, minLength = 0 }: Words): string {
  if (pattern === undefined) return 'x'.repeat(minLength + chance.below(12))
  const counted = /\{(?:\d+,)?(\d+)\}\$$/.exec(pattern)?.[1]
  const first = /^\^\[[^\]]*\]\[/.test(pattern) ? 1 : 0
  const open = pattern.endsWith('+$') || /\{\d+,\d+\}/.test(pattern)
  const length = open ? 1 + chance.below(Math.min(12, Number(counted ?? 12))) : first + Number(counted ?? 1)
  const digits = pattern.startsWith('^[0-9]{') ? '0123456789' : '0123456789abcdef'
  return Array.from({ length }, () => digits[chance.below(digits.length)]).join('')
}
