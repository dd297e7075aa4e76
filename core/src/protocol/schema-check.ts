/**
 * Whether a value fits a schema of `json-schema.ts`: those words of JSON Schema that messages are made of, and no others.
 * Every command and every server checks messages, and loading a whole engine for it was a third of what
 * `pileus status` cost; typebox's engine is what the tests compare with.
 */
import type { TSchema } from './schema.ts'

/** Where a value does not fit, as a JSON Pointer (RFC 6901), and what holds there: "must be string". */
export interface Misfit {
  readonly path: string
  readonly rule: string
}

/** Null when the value fits, else the first place where it does not. */
export type Check = (value: unknown) => Misfit | null

/** What a schema may say. Whatever else stands in one is told to people, not checked. */
interface Words {
  readonly type?: string
  readonly const?: unknown
  readonly pattern?: string
  readonly minLength?: number
  readonly maxLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly items?: TSchema | readonly TSchema[]
  readonly minItems?: number
  readonly maxItems?: number
  readonly anyOf?: readonly TSchema[]
  readonly properties?: Readonly<Record<string, TSchema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: false
  readonly '~refine'?: readonly { check(value: unknown): boolean; error(): string }[]
}

const CHECKED: readonly string[] = [
  ...['type', 'const', 'pattern', 'minLength', 'maxLength', 'minimum', 'maximum', 'anyOf', '~refine'],
  ...['items', 'minItems', 'maxItems', 'additionalItems', 'properties', 'required', 'additionalProperties'],
]
/** Each speaks of values of one type, which has to be said. */
const TYPED: readonly string[] = CHECKED.filter(
  (word) => !['type', 'anyOf', 'const', '~refine'].includes(word),
)
const TOLD = /^(description|contentEncoding|x-.*|~optional)$/

/** Reads the schema once; checking is quick then. Throws where it has words that are not known here. */
export function checkOf(schema: TSchema): Check {
  for (const word of Object.getOwnPropertyNames(schema))
    if (!CHECKED.includes(word) && !TOLD.test(word))
      throw new Error(`a schema says ${JSON.stringify(word)}, which nothing here checks`)
  const words = schema as Words
  if (words.type === undefined && TYPED.some((word) => word in words))
    throw new Error('a schema says more of a value than its type')
  const rules = [
    ...(words.type === undefined ? [] : [ofType(words.type)]),
    ...('const' in words ? [when((value) => value === words.const, 'must be equal to constant')] : []),
    ...rulesOfTexts(words),
    ...rulesOfNumbers(words),
    ...rulesOfLists(words),
    ...rulesOfObjects(words),
    ...(words.anyOf === undefined ? [] : [anyOf(words.anyOf.map(checkOf))]),
    ...(words['~refine'] ?? []).map(({ check, error }) => when(check, error())),
  ]
  return (value) => {
    for (const rule of rules) {
      const misfit = rule(value)
      if (misfit !== null) return misfit
    }
    return null
  }
}

/** The rules after it see only values of this type. */
function ofType(type: string): Check {
  return when((value) => typeOf(value) === type, `must be ${type}`)
}

function typeOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  return Number.isInteger(value) ? 'integer' : typeof value
}

function rulesOfTexts({ pattern, minLength, maxLength }: Words): Check[] {
  const expression = new RegExp(pattern ?? '', 'u')
  return [
    ...(pattern === undefined
      ? []
      : [when((text: string) => expression.test(text), `must match pattern "${pattern}"`)]),
    ...within(minLength, maxLength, characters, 'characters'),
  ]
}

/** Code points, as JSON Schema counts. */
const characters = (text: string) => [...text].length

function rulesOfNumbers({ minimum, maximum }: Words): Check[] {
  return [
    ...(minimum === undefined ? [] : [when((value: number) => value >= minimum, `must be >= ${minimum}`)]),
    ...(maximum === undefined ? [] : [when((value: number) => value <= maximum, `must be <= ${maximum}`)]),
  ]
}

function rulesOfLists({ items, minItems, maxItems }: Words): Check[] {
  if (items === undefined) return []
  const length = (list: readonly unknown[]) => list.length
  if (!isTuple(items)) return [...within(minItems, maxItems, length, 'items'), each(checkOf(items))]
  return [...within(items.length, items.length, length, 'items'), inPlace(items.map(checkOf))]
}

function isTuple(items: TSchema | readonly TSchema[]): items is readonly TSchema[] {
  return Array.isArray(items)
}

function each(check: Check): Check {
  return (value) => {
    const list = value as readonly unknown[]
    for (let at = 0; at < list.length; at++) {
      const misfit = below(at, check(list[at]))
      if (misfit !== null) return misfit
    }
    return null
  }
}

function inPlace(checks: readonly Check[]): Check {
  return (value) => {
    const list = value as readonly unknown[]
    for (const [at, check] of checks.entries()) {
      const misfit = below(at, check(list[at]))
      if (misfit !== null) return misfit
    }
    return null
  }
}

function rulesOfObjects({ properties, required = [], additionalProperties }: Words): Check[] {
  if (properties === undefined) return []
  const known = Object.entries(properties).map(
    ([name, schema]) => [name, checkOf(schema), required.includes(name)] as const,
  )
  return [
    (value) => {
      const missing = required.filter((name) => !Object.hasOwn(value as object, name))
      return missing.length === 0 ? null : misfitHere(`must have required properties ${missing.join(', ')}`)
    },
    (value) => {
      if (additionalProperties !== false) return null
      const strange = Object.keys(value as object).find((name) => !Object.hasOwn(properties, name))
      return strange === undefined ? null : below(strange, misfitHere('is not part of it'))
    },
    (value) => {
      const object = value as Readonly<Record<string, unknown>>
      for (const [name, check, isRequired] of known) {
        // One that is required is there by now; one that need not be there may also be undefined.
        if (!isRequired && (!Object.hasOwn(object, name) || object[name] === undefined)) continue
        const misfit = below(name, check(object[name]))
        if (misfit !== null) return misfit
      }
      return null
    },
  ]
}

function anyOf(checks: readonly Check[]): Check {
  return (value) =>
    checks.some((check) => check(value) === null) ? null : misfitHere('fits none of its forms')
}

function within<T>(
  min: number | undefined,
  max: number | undefined,
  count: (value: T) => number,
  what: string,
): Check[] {
  return [
    ...(min === undefined
      ? []
      : [when((value: T) => count(value) >= min, `must not have fewer than ${min} ${what}`)]),
    ...(max === undefined
      ? []
      : [when((value: T) => count(value) <= max, `must not have more than ${max} ${what}`)]),
  ]
}

function when<T>(holds: (value: T) => boolean, rule: string): Check {
  const misfit = misfitHere(rule)
  return (value) => (holds(value as T) ? null : misfit)
}

function misfitHere(rule: string): Misfit {
  return { path: '', rule }
}

function below(name: string | number, misfit: Misfit | null): Misfit | null {
  if (misfit === null) return null
  const escaped = String(name).replaceAll('~', '~0').replaceAll('/', '~1')
  return { path: `/${escaped}${misfit.path}`, rule: misfit.rule }
}
