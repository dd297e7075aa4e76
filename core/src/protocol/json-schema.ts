/**
 * Schemas of messages as JSON Schema, in the types of typebox, whose engine checks them (`codec.ts`). A schema is plain
 * data; typebox's own builders are far more than is needed here, and loading them was a fifth to a third of what `pileus status` cost.
 */
import type {
  Static,
  TArray,
  TArrayOptions,
  TBoolean,
  TInteger,
  TLiteral,
  TNull,
  TNumberOptions,
  TObject,
  TObjectOptions,
  TOptional,
  TProperties,
  TRefine,
  TSchema,
  TString,
  TStringOptions,
  TTuple,
  TUnion,
  TUnsafe,
} from 'typebox'

/** The builders that messages need, named as typebox names them. */
export const Type = {
  String: (options: TStringOptions = {}) => typed<TString>({ type: 'string', ...options }),
  Integer: (options: TNumberOptions = {}) => typed<TInteger>({ type: 'integer', ...options }),
  Boolean: () => typed<TBoolean>({ type: 'boolean' }),
  Null: () => typed<TNull>({ type: 'null' }),
  Literal: <V extends string | boolean>(value: V) => typed<TLiteral<V>>({ type: typeof value, const: value }),
  Array: <S extends TSchema>(items: S, options: TArrayOptions = {}) =>
    typed<TArray<S>>({ type: 'array', items, ...options }),
  /** A list of exactly these items. */
  Tuple: <S extends TSchema[]>(items: [...S]) =>
    typed<TTuple<S>>({ type: 'array', additionalItems: false, items, minItems: items.length }),
  Union: <S extends TSchema[]>(anyOf: [...S]) => typed<TUnion<S>>({ anyOf }),
  Object<P extends TProperties>(properties: P, options: TObjectOptions = {}) {
    const required = Object.keys(properties).filter((key) => !('~optional' in properties[key]!))
    const some = required.length > 0 ? { required } : {}
    return typed<TObject<P>>({ type: 'object', ...some, properties, ...options })
  },
  /** A property that need not be there. */
  Optional: <S extends TSchema>(schema: S) => typed<TOptional<S>>(withHidden(schema, { '~optional': true })),
  /** The same schema, for values of a narrower type than it says. */
  Unsafe: <T>(schema: object) => typed<TUnsafe<T>>(schema),
  /** What fits the schema and the check; `error` says why something does not, without quoting it. */
  Refine: <S extends TSchema>(schema: S, check: (value: Static<S>) => boolean, error: () => string) =>
    typed<TRefine<S>>(withHidden(schema, { '~refine': [{ check, error }] })),
}

const typed = <S extends TSchema>(schema: object): S => schema as S

/** With what the engine reads beside the words of JSON Schema; not enumerable, so that no document shows it. */
function withHidden(schema: TSchema, hidden: object): object {
  const copy = Object.defineProperties({}, Object.getOwnPropertyDescriptors(schema))
  for (const [key, value] of Object.entries(hidden)) Object.defineProperty(copy, key, { value })
  return copy
}
