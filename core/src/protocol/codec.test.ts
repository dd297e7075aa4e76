/** Messages in both formats: pinned bytes, round trips, and hostile input. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodeCbor } from '../bytes/cbor.ts'
import type { ChunkId, Digest, RecordId, ZoneId } from '../ids/ids.ts'
import { Challenge, LoginStart } from './account.ts'
import { MissingRequest } from './chunks.ts'
import { acceptedFormat, checkMessage, decodeMessage, encodeMessage, type Format, formatOf } from './codec.ts'
import { ENDPOINTS, type Endpoint, MESSAGE_MAX_BYTES } from './endpoints.ts'
import { Problem } from './problem.ts'
import { PushRequest, PushResponse } from './push.ts'

const FORMATS: readonly Format[] = ['cbor', 'json']
const ZONE = '11'.repeat(32) as ZoneId
const DIGEST = '22'.repeat(32) as Digest
const RECORD = {
  facts: Uint8Array.of(1, 2, 3),
  seal: Uint8Array.of(0xff, 0xfe),
  refs: { depth: 0, ids: ['33'.repeat(32) as ChunkId] },
}
const PUSH: PushRequest = {
  zone: ZONE,
  batch: { header: Uint8Array.of(9), signature: new Uint8Array(64).fill(5) },
  records: [{ record: RECORD }, { record: RECORD, group: 1 }],
}
const PUSHED: PushResponse = {
  outcomes: [
    { outcome: 'accepted', sequence: 7 },
    { outcome: 'stale', current: RECORD, sequence: 3 },
    { outcome: 'missing', chunks: ['33'.repeat(32) as ChunkId] },
    { outcome: 'group' },
  ],
  head: {
    zone: ZONE,
    incarnation: 1,
    sequence: 7,
    chain: DIGEST,
    setHash: DIGEST,
    logLength: 2,
    logHead: DIGEST,
    generation: 0,
    floor: 0,
  },
}

const utf8 = (text: string) => new TextEncoder().encode(text)

describe.each(FORMATS)('in %s', (format) => {
  test('a push and its answer come back as they were, byte strings and alternatives included', () => {
    expect(decodeMessage(PushRequest, format, encodeMessage(PUSH, format))).toEqual(PUSH)
    expect(decodeMessage(PushResponse, format, encodeMessage(PUSHED, format))).toEqual(PUSHED)
  })

  test('a message that does not fit is refused with the place and the rule, never the value', () => {
    const refuse = (message: object) => {
      const bytes = encodeMessage(message, format)
      return problemOf(() => decodeMessage(PushRequest, format, bytes)).message
    }
    expect(refuse({ ...PUSH, zone: 'secret value' })).toMatch(/at \/zone: it must match pattern/)
    expect(refuse({ ...PUSH, zone: 'secret value' })).not.toContain('secret value')
    expect(refuse({ ...PUSH, records: [] })).toMatch(/at \/records: it must not have fewer than 1 items/)
    expect(refuse({ ...PUSH, more: 1 })).toMatch(/at \/more: it is not part of it/)
    expect(refuse({ ...PUSH, batch: { ...PUSH.batch, signature: new Uint8Array(63) } })).toMatch(
      /at \/batch\/signature: it must be a byte string of 64 to 64 bytes/,
    )
    const { batch: _, ...withoutBatch } = PUSH
    expect(refuse(withoutBatch)).toContain('batch')
    expect(refuse([])).toContain('does not fit at /')
  })

  test('a long key of a hostile message makes no long error', () => {
    const bytes = encodeMessage({ nonce: new Uint8Array(32), ['k'.repeat(100_000)]: 1 }, format)
    const { message } = problemOf(() => decodeMessage(Challenge, format, bytes))
    expect(message.length).toBeLessThan(600)
  })

  test('random bytes give a Problem and nothing else, for every message of the protocol', () => {
    const schemas = Object.values<Endpoint>(ENDPOINTS)
      .flatMap(({ request, response }) => [request, response])
      .filter((body) => typeof body === 'object')
    expect(schemas.length).toBeGreaterThan(30)
    fc.assert(
      fc.property(fc.constantFrom(...schemas), fc.uint8Array({ maxLength: 60 }), (schema, bytes) => {
        problemOf(() => decodeMessage(schema, format, bytes))
      }),
      { numRuns: 300 },
    )
  })

  test('a mutated message gives a message that fits, or a Problem', () => {
    const original = encodeMessage(PUSHED, format)
    fc.assert(
      fc.property(fc.nat(original.length - 1), fc.nat(255), (at, byte) => {
        try {
          checkMessage(PushResponse, decodeMessage(PushResponse, format, original.with(at, byte)))
        } catch (error) {
          expect(error).toBeInstanceOf(Problem)
        }
      }),
      { numRuns: 500 },
    )
  })
})

describe('the bytes on the wire are pinned', () => {
  const message = { nonce: Uint8Array.from({ length: 32 }, (_, i) => i) }

  test('of a challenge', () => {
    const nonce = '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f'
    expect(Buffer.from(encodeMessage(message, 'cbor')).toString('hex')).toBe(`a1656e6f6e63655820${nonce}`)
    expect(Buffer.from(encodeMessage(message, 'json')).toString()).toBe(
      '{"nonce":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"}',
    )
  })

  test('of a question for chunks', () => {
    const id = 'ab'.repeat(32) as ChunkId
    const hexText = Buffer.from(id).toString('hex')
    expect(Buffer.from(encodeMessage({ ids: [id] }, 'cbor')).toString('hex')).toBe(
      `a163696473817840${hexText}`,
    )
    expect(Buffer.from(encodeMessage({ ids: [id] }, 'json')).toString()).toBe(`{"ids":["${id}"]}`)
    expect(decodeMessage(MissingRequest, 'cbor', encodeMessage({ ids: [id] }, 'cbor'))).toEqual({ ids: [id] })
  })

  test('of a push', () => {
    const small = { ...PUSH, records: [{ record: { ...RECORD, refs: { depth: 0, ids: [] } }, group: 1 }] }
    const zone = Buffer.from(ZONE).toString('hex')
    expect(Buffer.from(encodeMessage(small, 'cbor')).toString('hex')).toBe(
      [
        'a3',
        `647a6f6e657840${zone}`,
        '656261746368a2666865616465724109',
        `697369676e61747572655840${'05'.repeat(64)}`,
        '677265636f72647381a26567726f757001667265636f7264a3',
        '6472656673a2636964738065646570746800',
        '647365616c42fffe',
        '65666163747343010203',
      ].join(''),
    )
  })
})

describe('JSON', () => {
  test('takes what CBOR takes: byte strings of the right length in the one right text', () => {
    const refused = ['AA', 'A'.repeat(42), `${'A'.repeat(43)}=`, `${'A'.repeat(42)}B`, `${'A'.repeat(42)}+`]
    for (const nonce of refused) {
      problemOf(() => decodeMessage(Challenge, 'json', utf8(JSON.stringify({ nonce }))))
    }
    expect(decodeMessage(Challenge, 'json', utf8(`{ "nonce" : "${'A'.repeat(43)}" }`))).toEqual({
      nonce: new Uint8Array(32),
    })
  })

  test('does not quote a text that it cannot parse', () => {
    const { message } = problemOf(() => decodeMessage(LoginStart, 'json', utf8('{"login":"hunter2"')))
    expect(message).not.toContain('hunter2')
  })

  test('refuses __proto__ like any other foreign key, and nothing is polluted', () => {
    const text = `{"nonce":"${'A'.repeat(43)}","__proto__":{"polluted":true}}`
    problemOf(() => decodeMessage(Challenge, 'json', utf8(text)))
    expect('polluted' in {}).toBe(false)
  })

  test('refuses bytes that are not UTF-8, a deep nest and a body beyond all limits', () => {
    problemOf(() => decodeMessage(Challenge, 'json', Uint8Array.of(0x22, 0xff, 0x22)))
    problemOf(() => decodeMessage(Challenge, 'json', utf8('['.repeat(100_000))))
    problemOf(() => decodeMessage(Challenge, 'json', utf8('['.repeat(50_000) + ']'.repeat(50_000))))
    problemOf(() => decodeMessage(Challenge, 'json', new Uint8Array(2 * MESSAGE_MAX_BYTES + 1)))
  })
})

test('CBOR from another writer may have its keys in any order', () => {
  const ordered = encodeCbor({ name: 'ada', login: 'AA' })
  const split = 1 + 'name'.length + 1 + 'ada'.length + 1
  const swapped = Uint8Array.of(ordered[0]!, ...ordered.subarray(split), ...ordered.subarray(1, split))
  expect(decodeMessage(LoginStart, 'cbor', swapped)).toEqual({ name: 'ada', login: 'AA' })
})

test('ids stand in messages as they stand in memory', () => {
  const id = '44'.repeat(16) as RecordId
  expect(checkMessage(ENDPOINTS.history.params, { zone: ZONE, record: id })).toEqual({
    zone: ZONE,
    record: id,
  })
  for (const record of [id.toUpperCase().replace('4', 'A'), `${id}\n`, `${id}0`, '../..', 7]) {
    problemOf(() => checkMessage(ENDPOINTS.history.params, { zone: ZONE, record }))
  }
})

test.each([
  ['application/cbor', 'cbor'],
  ['application/json', 'json'],
  ['Application/JSON; charset=utf-8', 'json'],
  ['application/problem+json', 'json'],
  ['text/plain', undefined],
  ['application/cbor-seq', undefined],
  ['', undefined],
  [undefined, undefined],
])('the content type %j is %s', (type, format) => {
  expect(formatOf(type)).toBe(format)
})

test.each([
  [undefined, 'json'],
  ['*/*', 'json'],
  ['text/html', 'json'],
  ['application/cbor', 'cbor'],
  ['application/json, application/cbor;q=0.5', 'json'],
  ['application/json;q=0.5, application/cbor', 'cbor'],
  ['application/cbor;q=0', 'json'],
])('a client that accepts %j is answered in %s', (accept, format) => {
  expect(acceptedFormat(accept)).toBe(format)
})

/** The Problem this throws; anything else fails the test. */
function problemOf(run: () => unknown): Problem {
  try {
    run()
  } catch (error) {
    expect(error).toBeInstanceOf(Problem)
    expect((error as Problem).code).toBe('malformed-request')
    return error as Problem
  }
  throw new Error('it was taken')
}
