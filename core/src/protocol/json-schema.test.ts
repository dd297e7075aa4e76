import Typebox from 'typebox'
import { Compile } from 'typebox/schema'
import { describe, expect, it } from 'vitest'
import { Type } from './json-schema.ts'

/** The same schema by our builders and by typebox's. */
function both(make: (type: typeof Type) => object): [object, object] {
  return [make(Type), make(Typebox as unknown as typeof Type)]
}

const SCHEMAS: readonly ((type: typeof Type) => object)[] = [
  (t) => t.String({ pattern: '^a', maxLength: 3 }),
  (t) => t.Integer({ minimum: 1, maximum: 5 }),
  (t) => t.Union([t.Boolean(), t.Null(), t.Literal('x'), t.Literal(true)]),
  (t) => t.Array(t.Unsafe<'a'>(t.String()), { maxItems: 2 }),
  (t) => t.Tuple([t.Literal('a'), t.Integer()]),
  (t) => t.Object({}),
  (t) => t.Object({ a: t.Integer(), b: t.Optional(t.String()) }, { additionalProperties: false }),
  (t) =>
    t.Refine(
      t.Unsafe<Uint8Array>({ 'x-bytes': true }),
      (value) => value instanceof Uint8Array,
      () => 'must be bytes',
    ),
]
const VALUES = ['abc', 'b', 3, 9, true, null, 'x', ['a'], ['a', 1], ['a', 1, 2], {}, { a: 1 }, { b: 'b' }]
const MORE = [{ a: 1, b: 'b' }, { a: 1, b: 1 }, { a: 1, c: 1 }, new Uint8Array(2), undefined]

describe('schemas', () => {
  it.each(SCHEMAS.map((make, index) => [index, make] as const))(
    'number %i is what typebox makes of the same words, and takes the same values',
    (_, make) => {
      const [ours, theirs] = both(make)
      expect(JSON.stringify(ours)).toBe(JSON.stringify(theirs))
      const [our, their] = [Compile(ours), Compile(theirs)]
      for (const value of [...VALUES, ...MORE]) {
        expect(our.Check(value)).toBe(their.Check(value))
        expect(our.Errors(value)).toEqual(their.Errors(value))
      }
    },
  )

  it('an optional schema is still what it was', () => {
    const text = Type.String()
    expect(Type.Optional(text)).not.toBe(text)
    expect(Type.Object({ text }).required).toEqual(['text'])
    expect(Type.Object({ text: Type.Optional(text) })).not.toHaveProperty('required')
  })
})
