/** Our check of schemas beside typebox's engine: they judge alike, of whatever the protocol may be sent. */
import fc from 'fast-check'
import { Compile } from 'typebox/schema'
import { describe, expect, it } from 'vitest'
import { ENDPOINTS, type Endpoint } from './endpoints.ts'
import { Type } from './json-schema.ts'
import { Announcement } from './live.ts'
import { ProblemMessage } from './problem.ts'
import { bytes, type TSchema } from './schema.ts'
import { checkOf } from './schema-check.ts'

const MESSAGES: readonly TSchema[] = [
  ...Object.values<Endpoint>(ENDPOINTS).flatMap(({ request, response, params }) => [
    request,
    response,
    params,
  ]),
  Announcement,
  ProblemMessage,
].filter((schema) => typeof schema === 'object')

/** As far as values are made from it here. */
interface Shape {
  readonly 'x-bytes'?: true
  readonly 'x-min-bytes': number
  readonly 'x-max-bytes': number
  readonly type?: string
  readonly const?: unknown
  readonly pattern?: string
  readonly minimum: number
  readonly maximum: number
  readonly items?: TSchema | TSchema[]
  readonly anyOf?: TSchema[]
  readonly properties?: Record<string, TSchema>
}

const ANYTHING = fc.oneof(
  fc.anything({ maxDepth: 1 }),
  fc.constantFrom<unknown>(undefined, null, '', -1, 0.5, 2 ** 53, Number.NaN, [], {}, new Uint8Array(31)),
)

/** Values that mostly fit, or fail to in one place or a few. */
function valuesOf(schema: TSchema, depth = 0): fc.Arbitrary<unknown> {
  return fc.oneof(
    { weight: 40, arbitrary: fitting(schema as unknown as Shape, depth) },
    { weight: 1, arbitrary: ANYTHING },
  )
}

function fitting(shape: Shape, depth: number): fc.Arbitrary<unknown> {
  if ('const' in shape) return fc.constant(shape.const)
  if (shape.anyOf) return fc.oneof(...shape.anyOf.map((each) => valuesOf(each, depth + 1)))
  if (shape['x-bytes']) {
    const { 'x-min-bytes': minLength, 'x-max-bytes': most } = shape
    return fc.uint8Array({ minLength, maxLength: Math.min(most, minLength + 3) })
  }
  switch (shape.type) {
    case 'string':
      return shape.pattern === undefined
        ? fc.string({ maxLength: 9 })
        : fc.oneof(fc.stringMatching(new RegExp(shape.pattern)), fc.string({ maxLength: 70 }))
    case 'integer':
      return fc.oneof(fc.maxSafeInteger(), fc.integer({ min: 0, max: 4 }), fc.double())
    case 'array':
      return Array.isArray(shape.items)
        ? fc.tuple(...shape.items.map((each) => valuesOf(each, depth + 1)))
        : fc.array(valuesOf(shape.items!, depth + 1), { maxLength: 3 })
    case 'object': {
      const fields = Object.entries(shape.properties ?? {})
      const known = Object.fromEntries(fields.map(([name, each]) => [name, valuesOf(each, depth + 1)]))
      const whole = fc.record(known)
      const partly = fc.record(known, { requiredKeys: [] })
      const more = fc
        .tuple(whole, fc.string(), ANYTHING)
        .map(([value, name, odd]) => ({ ...value, [name]: odd }))
      return fc.oneof({ weight: 20, arbitrary: whole }, partly, more)
    }
    case 'boolean':
      return fc.boolean()
    default:
      return fc.constant(null)
  }
}

describe('the check of a message', () => {
  it('says of every message of the protocol what typebox says', () => {
    expect(MESSAGES.length).toBeGreaterThan(50)
    const judged = { fits: 0, misfits: 0 }
    for (const schema of MESSAGES) {
      const [ours, theirs] = [checkOf(schema), Compile(schema)]
      fc.assert(
        fc.property(valuesOf(schema), (value) => {
          const fits = theirs.Check(value)
          judged[fits ? 'fits' : 'misfits']++
          expect(ours(value) === null).toBe(fits)
        }),
        { numRuns: 200 },
      )
    }
    expect(judged.fits).toBeGreaterThan(1_000)
    expect(judged.misfits).toBeGreaterThan(1_000)
  })

  const inner = Type.Object(
    { 'a/b~': Type.Array(Type.Integer({ minimum: 1, maximum: 5 }), { minItems: 1, maxItems: 2 }) },
    { additionalProperties: false },
  )
  it.each([
    [Type.String(), 1, '', 'must be string'],
    [Type.String({ minLength: 2 }), '😀', '', 'must not have fewer than 2 characters'],
    [Type.String({ maxLength: 1 }), 'ab', '', 'must not have more than 1 characters'],
    [Type.String({ pattern: '^a$' }), 'a\n', '', 'must match pattern "^a$"'],
    [Type.Integer(), 0.5, '', 'must be integer'],
    [Type.Integer({ minimum: 1 }), 0, '', 'must be >= 1'],
    [Type.Integer({ maximum: 1 }), 2, '', 'must be <= 1'],
    [Type.Literal('x'), 'y', '', 'must be equal to constant'],
    [Type.Union([Type.Null(), Type.Boolean()]), 'x', '', 'fits none of its forms'],
    [Type.Tuple([Type.Literal('a'), Type.Integer()]), ['a'], '', 'must not have fewer than 2 items'],
    [Type.Tuple([Type.Literal('a'), Type.Integer()]), ['a', 'b'], '/1', 'must be integer'],
    [bytes({ min: 2, max: 3 }), new Uint8Array(1), '', 'must be a byte string of 2 to 3 bytes'],
    [inner, {}, '', 'must have required properties a/b~'],
    [inner, { 'a/b~': [] }, '/a~1b~0', 'must not have fewer than 1 items'],
    [inner, { 'a/b~': [1, 2, 3] }, '/a~1b~0', 'must not have more than 2 items'],
    [inner, { 'a/b~': [1, 6] }, '/a~1b~0/1', 'must be <= 5'],
    [inner, { 'a/b~': [1], more: 1 }, '/more', 'is not part of it'],
  ] as const)('of %j says where and why %j does not fit', (schema, value, path, rule) => {
    expect(checkOf(schema)(value)).toEqual({ path, rule })
  })

  it('throws for a schema that says what it does not check', () => {
    expect(() => checkOf({ type: 'array', uniqueItems: true } as TSchema)).toThrow('"uniqueItems"')
    expect(() => checkOf(Type.Object({ a: { type: 'string', format: 'date' } as TSchema }))).toThrow(
      '"format"',
    )
    expect(() => checkOf({ pattern: '^a$' } as TSchema)).toThrow('more of a value than its type')
  })
})
