/**
 * Messages as bytes: CBOR between our own programs, JSON for everybody else, the same schema for both.
 * Byte strings are base64url text in JSON; which texts those are, the schema says (`x-bytes`).
 */
import { Compile, type Validator } from 'typebox/schema'
import { fromBase64url, toBase64url } from '../bytes/base64url.ts'
import { CborError, type CborValue, decodeCbor, encodeCbor } from '../bytes/cbor.ts'
import { CBOR_MAX_BYTES } from '../limits.ts'
import { Problem } from './problem.ts'
import type { Static, TSchema } from './schema.ts'

export type Format = 'cbor' | 'json'

export const MEDIA_TYPES = {
  cbor: 'application/cbor',
  json: 'application/json',
} as const satisfies Record<Format, string>

/** base64url makes bytes a third longer. */
const JSON_MAX_BYTES = 2 * CBOR_MAX_BYTES

/** Keys of a hostile message stand in the path of an error. */
const PATH_MAX_CHARACTERS = 200

const UTF8_ENCODER = new TextEncoder()
const UTF8_DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The message in this format. Throws CborError for what is not made of the values CBOR takes here. */
export function encodeMessage(message: object, format: Format): Uint8Array {
  // Every value is checked at run time; interfaces, unlike type aliases, do not fit CborValue's index.
  if (format === 'cbor') return encodeCbor(message as CborValue)
  return UTF8_ENCODER.encode(JSON.stringify(toJson(message)))
}

/** The message these bytes hold, checked. Throws Problem 'malformed-request', which says where it does not fit. */
export function decodeMessage<S extends TSchema>(schema: S, format: Format, bytes: Uint8Array): Static<S> {
  return checkMessage(schema, format === 'cbor' ? readCbor(bytes) : fromJson(schema, readJson(bytes)))
}

/** The value, if it fits the schema. Throws Problem 'malformed-request', which says where it does not. */
export function checkMessage<S extends TSchema>(schema: S, value: unknown): Static<S> {
  const validator = validatorOf(schema)
  if (validator.Check(value)) return value as Static<S>
  const error = validator.Errors(value)[1][0]
  const path = (error?.instancePath || '/').slice(0, PATH_MAX_CHARACTERS)
  const rule = error?.keyword === 'boolean' ? 'is not part of it' : (error?.message ?? 'has another form')
  // The value is not quoted: it can be a token or a password message.
  throw malformed(`the message does not fit at ${path}: it ${rule.slice(0, PATH_MAX_CHARACTERS)}`)
}

/** The format a Content-Type header names, whatever its parameters; undefined for any other. */
export function formatOf(contentType: string | undefined): Format | undefined {
  const type = (contentType ?? '').split(';', 1)[0]!.trim().toLowerCase()
  if (type === MEDIA_TYPES.cbor) return 'cbor'
  return type === MEDIA_TYPES.json || type === 'application/problem+json' ? 'json' : undefined
}

/** The format an Accept header asks for: the one it weighs most; JSON when it does not care. */
export function acceptedFormat(accept: string | undefined): Format {
  let best: { format: Format; weight: number } = { format: 'json', weight: 0 }
  for (const part of (accept ?? '').slice(0, 1_024).split(',')) {
    const format = formatOf(part)
    const weight = Number(/;\s*q=([0-9.]+)/.exec(part)?.[1] ?? 1)
    if (format && weight > best.weight) best = { format, weight }
  }
  return best.format
}

/** Compiling costs milliseconds and checking microseconds, so each schema is compiled once. */
const validators = new WeakMap<TSchema, Validator>()

function validatorOf(schema: TSchema): Validator {
  let validator = validators.get(schema)
  if (!validator) {
    validator = Compile(schema)
    validators.set(schema, validator)
  }
  return validator
}

function readCbor(bytes: Uint8Array): unknown {
  try {
    return decodeCbor(bytes)
  } catch (error) {
    if (error instanceof CborError) throw malformed(error.message)
    throw error
  }
}

function readJson(bytes: Uint8Array): unknown {
  if (bytes.length > JSON_MAX_BYTES) {
    throw malformed(`cannot read JSON of ${bytes.length} bytes: at most ${JSON_MAX_BYTES} are taken`)
  }
  try {
    return JSON.parse(UTF8_DECODER.decode(bytes))
  } catch {
    // The parser's own message quotes the text, which may hold a secret.
    throw malformed('cannot read the message: it is not JSON in UTF-8')
  }
}

function toJson(value: unknown): unknown {
  if (value instanceof Uint8Array) return toBase64url(value)
  if (Array.isArray(value)) return value.map(toJson)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toJson(item)]))
}

/** The parts of a schema that lead to byte strings. */
interface Shape {
  readonly 'x-bytes'?: true
  readonly properties?: Readonly<Record<string, TSchema>>
  readonly items?: TSchema
  readonly anyOf?: readonly TSchema[]
}

/** Turns texts into bytes where the schema has bytes. What does not fit stays as it is, for the check to find. */
function fromJson(schema: TSchema, value: unknown): unknown {
  const shape = schema as Shape
  if (shape['x-bytes']) return typeof value === 'string' ? textToBytes(value) : value
  if (shape.anyOf) {
    for (const option of shape.anyOf) {
      const read = fromJson(option, value)
      if (validatorOf(option).Check(read)) return read
    }
    return value
  }
  if (Array.isArray(value)) return shape.items ? value.map((item) => fromJson(shape.items!, item)) : value
  if (typeof value !== 'object' || value === null || !shape.properties) return value
  const { properties } = shape
  // fromEntries defines properties, so that a key "__proto__" stays a key and is refused like any other.
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      Object.hasOwn(properties, key) ? fromJson(properties[key]!, item) : item,
    ]),
  )
}

function textToBytes(text: string): unknown {
  try {
    return fromBase64url(text)
  } catch {
    return text
  }
}

function malformed(detail: string): Problem {
  return new Problem('malformed-request', detail)
}
