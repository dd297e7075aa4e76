/** Both fillings of `Crypto` against Project Wycheproof, and against each other. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { browserCrypto, browserRandom } from './browser.ts'
import { AuthenticationFailed, type Crypto } from './crypto.ts'
import { nodeCrypto, nodeRandom } from './node.ts'
import { field, vectorTest, type WycheproofCase, wycheproofCases } from './node-vectors.ts'

const IMPLEMENTATIONS = [
  ['node:crypto', nodeCrypto],
  ['noble', browserCrypto],
] as const

const NOTHING = new Uint8Array()

describe.each(IMPLEMENTATIONS)('by %s', (name, crypto) => {
  vectorTest({
    file: 'wycheproof/aes_gcm_test.json',
    covers: `AES-256-GCM by ${name}`,
    cases: 105,
    run: (text) => each(text, { keySize: 256 }, (vector) => checkAesGcm(crypto, vector)),
  })

  vectorTest({
    file: 'wycheproof/aes_wrap_test.json',
    covers: `AES-256 key wrap by ${name}`,
    cases: 68,
    run: (text) => each(text, { keySize: 256 }, (vector) => checkKeyWrap(crypto, vector)),
  })

  vectorTest({
    file: 'wycheproof/ed25519_test.json',
    covers: `Ed25519 by ${name}`,
    cases: 151,
    run: (text) =>
      each(text, {}, (vector) => {
        const publicKey = Buffer.from((vector.publicKey as { pk: string }).pk, 'hex')
        const verified = crypto.ed25519Verify(publicKey, field(vector, 'msg'), field(vector, 'sig'))
        expect(verified, `case ${vector.tcId}`).toBe(vector.result === 'valid')
      }),
  })

  vectorTest({
    file: 'wycheproof/hkdf_sha256_test.json',
    covers: `HKDF-SHA-256 by ${name}`,
    cases: 86,
    run: (text) => each(text, {}, (vector) => checkHkdf(crypto, vector)),
  })

  vectorTest({
    file: 'wycheproof/hmac_sha256_test.json',
    covers: `HMAC-SHA-256 by ${name}`,
    cases: 174,
    run: (text) =>
      each(text, {}, (vector) => {
        const bytes = (vector.tagSize as number) / 8
        const tag = crypto.hmacSha256(field(vector, 'key'), field(vector, 'msg')).subarray(0, bytes)
        expect(same(tag, field(vector, 'tag')), `case ${vector.tcId}`).toBe(vector.result === 'valid')
      }),
  })

  test('SHA-256 and SHAKE128 give the examples of FIPS 180-4 and FIPS 202', () => {
    const abc = new TextEncoder().encode('abc')
    const digest = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
    expect(hex(crypto.sha256(abc))).toBe(digest)
    expect(hex(crypto.sha256(abc.subarray(0, 1), NOTHING, abc.subarray(1)))).toBe(digest)
    const state = crypto.createSha256()
    state.update(abc.subarray(0, 2))
    state.update(abc.subarray(2))
    expect(hex(state.digest())).toBe(digest)
    expect(hex(crypto.sha256())).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
    expect(hex(crypto.shake128(NOTHING, 32))).toBe(
      '7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26',
    )
  })

  test('a seal opens only with its own key, nonce, facts and every byte', () => {
    const [key, nonce, facts] = [filled(32, 1), filled(12, 2), filled(20, 3)]
    const sealed = crypto.aesGcmSeal(key, nonce, facts, filled(50, 4))
    expect(crypto.aesGcmOpen(key, nonce, facts, sealed)).toEqual(filled(50, 4))
    const refused = (open: () => unknown) => expect(open).toThrow(AuthenticationFailed)
    refused(() => crypto.aesGcmOpen(filled(32, 9), nonce, facts, sealed))
    refused(() => crypto.aesGcmOpen(key, filled(12, 9), facts, sealed))
    refused(() => crypto.aesGcmOpen(key, nonce, NOTHING, sealed))
    for (let length = 0; length < sealed.length; length++) {
      refused(() => crypto.aesGcmOpen(key, nonce, facts, sealed.subarray(0, length)))
    }
    for (let at = 0; at < sealed.length; at++) {
      refused(() => crypto.aesGcmOpen(key, nonce, facts, sealed.with(at, sealed[at]! ^ 0x10)))
    }
  })

  test('SHA-256 of parts is that of the whole, however long they are', () => {
    for (const length of [6, 40, 16_383, 16_384, 16_385, 100_000]) {
      const whole = filled(length, 5)
      const parts = [whole.subarray(0, 3), whole.subarray(3, length >> 1), whole.subarray(length >> 1)]
      expect(hex(crypto.sha256(...parts)), `${length}`).toBe(hex(crypto.sha256(whole)))
    }
  })

  test('sealing parts into a place leaves there what sealing the whole returns', () => {
    const [key, nonce, facts] = [filled(32, 1), filled(12, 2), filled(20, 3)]
    for (const length of [0, 1, 16, 131_071, 131_072, 131_073, 300_000]) {
      const whole = filled(length, 4)
      const parts = [
        whole.subarray(0, 1),
        whole.subarray(1, length >> 1),
        whole.subarray(Math.max(1, length >> 1)),
      ]
      for (const memory of [new ArrayBuffer(length + 19), new SharedArrayBuffer(length + 19)]) {
        const into = new Uint8Array(memory, 3)
        crypto.aesGcmSealInto(key, nonce, facts, parts, into)
        expect(Buffer.compare(into, crypto.aesGcmSeal(key, nonce, facts, whole)), `${length}`).toBe(0)
      }
    }
    for (const length of [26, 28]) {
      expect(() => crypto.aesGcmSealInto(key, nonce, facts, [filled(11, 4)], filled(length, 4))).toThrow(
        RangeError,
      )
    }
  })

  test('opening in place leaves what was sealed, or refuses', () => {
    const [key, nonce, facts] = [filled(32, 1), filled(12, 2), filled(20, 3)]
    for (const length of [0, 1, 16, 122_879, 122_880, 122_881, 300_000]) {
      const sealed = crypto.aesGcmSeal(key, nonce, facts, filled(length, 4))
      const text = sealed.slice()
      crypto.aesGcmOpenInPlace(key, nonce, facts, text)
      expect(Buffer.compare(text.subarray(0, length), filled(length, 4)), `${length}`).toBe(0)
      for (const at of [0, length, length + 15]) {
        const damaged = sealed.with(at, sealed[at]! ^ 0x10)
        expect(() => crypto.aesGcmOpenInPlace(key, nonce, facts, damaged)).toThrow(AuthenticationFailed)
      }
    }
    expect(() => crypto.aesGcmOpenInPlace(key, nonce, facts, filled(15, 4))).toThrow(RangeError)
  })

  test('keys, nonces and seeds of a wrong length are refused', () => {
    expect(() => crypto.aesGcmSeal(filled(16, 1), filled(12, 1), NOTHING, NOTHING)).toThrow(RangeError)
    expect(() => crypto.aesGcmSeal(filled(32, 1), filled(16, 1), NOTHING, NOTHING)).toThrow(RangeError)
    expect(() => crypto.aesKeyWrap(filled(32, 1), filled(20, 1))).toThrow(RangeError)
    expect(() => crypto.aesKeyUnwrap(filled(16, 1), filled(40, 1))).toThrow(RangeError)
    expect(() => crypto.ed25519PublicKey(filled(31, 1))).toThrow(RangeError)
    expect(() => crypto.ed25519Sign(filled(64, 1), NOTHING)).toThrow(RangeError)
  })

  test('results are plain byte arrays, never a Buffer', () => {
    const key = filled(32, 1)
    const results = [
      crypto.sha256(key),
      crypto.sha256(key, key),
      crypto.createSha256().digest(),
      crypto.hmacSha256(key, key),
      crypto.hkdfSha256(key, key, key, 10),
      crypto.aesGcmSeal(key, filled(12, 1), key, key),
      crypto.aesGcmOpen(key, filled(12, 1), key, crypto.aesGcmSeal(key, filled(12, 1), key, key)),
      crypto.aesKeyUnwrap(key, crypto.aesKeyWrap(key, key)),
      crypto.ed25519PublicKey(key),
      crypto.ed25519Sign(key, key),
      crypto.shake128(key, 10),
    ]
    for (const result of results) expect(result.constructor).toBe(Uint8Array)
  })
})

test('node:crypto and noble agree on random inputs', () => {
  const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
  const inputs = fc.record({
    key: bytes(32),
    nonce: bytes(12),
    facts: fc.uint8Array({ maxLength: 100 }),
    text: fc.uint8Array({ maxLength: 300 }),
    length: fc.integer({ min: 1, max: 200 }),
  })
  fc.assert(
    fc.property(inputs, ({ key, nonce, facts, text, length }) => {
      const results = IMPLEMENTATIONS.map(([, crypto]) => ({
        digest: crypto.sha256(facts, text),
        mac: crypto.hmacSha256(facts, text),
        derived: crypto.hkdfSha256(key, facts, text, length),
        sealed: crypto.aesGcmSeal(key, nonce, facts, text),
        wrapped: crypto.aesKeyWrap(key, crypto.sha256(text)),
        publicKey: crypto.ed25519PublicKey(key),
        signature: crypto.ed25519Sign(key, text),
        stretched: crypto.shake128(text, length),
      }))
      expect(results[0]).toEqual(results[1])
      const { publicKey, signature } = results[0]!
      for (const [, crypto] of IMPLEMENTATIONS) {
        expect(crypto.ed25519Verify(publicKey, text, signature)).toBe(true)
        expect(crypto.ed25519Verify(publicKey, Uint8Array.of(...text, 0), signature)).toBe(false)
      }
    }),
    { numRuns: 40 },
  )
})

test.each([
  ['the operating system', nodeRandom],
  ['the browser', browserRandom],
])('random bytes of %s have the length asked and do not repeat', (_, random) => {
  expect(random(0)).toHaveLength(0)
  expect(random(200_000)).toHaveLength(200_000)
  expect(random(32)).not.toEqual(random(32))
})

/** Runs the cases whose fields are as wanted and returns how many those were. */
function each(
  text: string,
  wanted: Readonly<Record<string, unknown>>,
  check: (vector: WycheproofCase) => void,
): number {
  const cases = wycheproofCases(text).filter((vector) =>
    Object.entries(wanted).every(([name, value]) => vector[name] === value),
  )
  for (const vector of cases) check(vector)
  return cases.length
}

function checkAesGcm(crypto: Crypto, vector: WycheproofCase): void {
  const [key, nonce, facts] = [field(vector, 'key'), field(vector, 'iv'), field(vector, 'aad')]
  const sealed = Uint8Array.of(...field(vector, 'ct'), ...field(vector, 'tag'))
  const open = () => crypto.aesGcmOpen(key, nonce, facts, sealed)
  const label = `case ${vector.tcId}`
  if (vector.ivSize !== 96) {
    expect(open, label).toThrow(RangeError)
    return
  }
  if (vector.result === 'invalid') {
    expect(open, label).toThrow(AuthenticationFailed)
    return
  }
  expect(open(), label).toEqual(field(vector, 'msg'))
  expect(crypto.aesGcmSeal(key, nonce, facts, field(vector, 'msg')), label).toEqual(sealed)
}

function checkKeyWrap(crypto: Crypto, vector: WycheproofCase): void {
  const [key, data, wrapped] = [field(vector, 'key'), field(vector, 'msg'), field(vector, 'ct')]
  const label = `case ${vector.tcId}`
  // "Acceptable" are wraps of 64 bits, which RFC 3394 does not have.
  if (vector.result !== 'valid') {
    expect(() => crypto.aesKeyUnwrap(key, wrapped), label).toThrow(AuthenticationFailed)
    if (vector.flags.includes('WrongDataSize')) {
      expect(() => crypto.aesKeyWrap(key, data), label).toThrow(RangeError)
    }
    return
  }
  expect(crypto.aesKeyWrap(key, data), label).toEqual(wrapped)
  expect(crypto.aesKeyUnwrap(key, wrapped), label).toEqual(data)
}

function checkHkdf(crypto: Crypto, vector: WycheproofCase): void {
  const size = vector.size as number
  const derive = () =>
    crypto.hkdfSha256(field(vector, 'ikm'), field(vector, 'salt'), field(vector, 'info'), size)
  if (vector.result === 'valid') expect(derive(), `case ${vector.tcId}`).toEqual(field(vector, 'okm'))
  else expect(derive, `case ${vector.tcId}`).toThrow(RangeError)
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

function filled(length: number, value: number): Uint8Array {
  return new Uint8Array(length).fill(value)
}

test('random bytes have the length asked for and never come again', () => {
  const seen = new Set<string>()
  const lengths = Array.from({ length: 2_000 }, (_, n) => [8, 16, 32, 12, 255, 257, 5_000][n % 7]!)
  for (const length of lengths) {
    const bytes = nodeRandom(length)
    expect([bytes.length, bytes.buffer.byteLength]).toEqual([length, length])
    seen.add(hex(bytes.subarray(0, 8)))
  }
  expect(seen.size).toBe(lengths.length)
  expect(nodeRandom(0)).toEqual(NOTHING)
})
