/** The one strict Ed25519 rule (security.md): inputs on which libraries disagree get one answer here. */
import { ed25519 } from '@noble/curves/ed25519.js'
import { sha512 } from '@noble/hashes/sha2.js'
import { describe, expect, test } from 'vitest'
import { browserCrypto } from './browser.ts'
import { isStrictEd25519 } from './ed25519-rule.ts'
import { nodeCrypto } from './node.ts'

const { Point } = ed25519
const ORDER = Point.Fn.ORDER
const MESSAGE = new TextEncoder().encode('one rule')
const SEED = new Uint8Array(32).fill(7)
/** Of order 8: generates all points of small order. */
const TORSION = Point.fromHex('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05')

describe.each([
  ['node:crypto', nodeCrypto],
  ['noble', browserCrypto],
])('by %s', (_, crypto) => {
  const publicKey = crypto.ed25519PublicKey(SEED)
  const signature = crypto.ed25519Sign(SEED, MESSAGE)

  test('an honest signature holds, and with a flipped bit in it or in the key it does not', () => {
    expect(crypto.ed25519Verify(publicKey, MESSAGE, signature)).toBe(true)
    for (let bit = 0; bit < 512; bit += 5) {
      expect(crypto.ed25519Verify(publicKey, MESSAGE, flipped(signature, bit))).toBe(false)
      expect(crypto.ed25519Verify(flipped(publicKey, bit % 256), MESSAGE, signature)).toBe(false)
    }
  })

  test('S + L, which is the same number, is refused', () => {
    const s = Point.Fn.fromBytes(signature.subarray(32))
    const malleable = join(signature.subarray(0, 32), encode(s + ORDER))
    expect(crypto.ed25519Verify(publicKey, MESSAGE, malleable)).toBe(false)
  })

  test('a key of small order, under which anything verifies, is refused in all its encodings', () => {
    for (const small of smallOrderEncodings()) {
      // R = S·B makes the equation hold whenever k·A vanishes.
      const s = 5n
      const forged = join(Point.BASE.multiply(s).toBytes(), encode(s))
      for (let i = 0; i < 8; i++) {
        expect(crypto.ed25519Verify(small, Uint8Array.of(i), forged)).toBe(false)
      }
    }
  })

  test('an R of small order is refused, even where the equation holds', () => {
    const scalar = 12_345n
    const key = Point.BASE.multiply(scalar).toBytes()
    const r = Point.ZERO.toBytes()
    const s = Point.Fn.create(challenge(r, key) * scalar)
    expect(crypto.ed25519Verify(key, MESSAGE, join(r, encode(s)))).toBe(false)
  })

  test('the equation is the cofactorless one: what holds only after multiplication by 8 is refused', () => {
    const scalar = 12_345n
    const nonce = 67_890n
    const key = Point.BASE.multiply(scalar).add(TORSION).toBytes()
    let refused = 0
    for (let i = 0n; i < 8n; i++) {
      const r = Point.BASE.multiply(nonce + i).toBytes()
      const k = challenge(r, key)
      const forged = join(r, encode(Point.Fn.create(nonce + i + k * scalar)))
      // Here S·B = R + k·(A - T), so the rule holds exactly when k·T vanishes.
      expect(crypto.ed25519Verify(key, MESSAGE, forged)).toBe(k % 8n === 0n)
      if (k % 8n !== 0n) refused++
    }
    expect(refused).toBeGreaterThan(0)
  })

  test('wrong lengths and points off the curve are false, never an error', () => {
    expect(crypto.ed25519Verify(publicKey.subarray(1), MESSAGE, signature)).toBe(false)
    expect(crypto.ed25519Verify(publicKey, MESSAGE, signature.subarray(1))).toBe(false)
    expect(crypto.ed25519Verify(new Uint8Array(), MESSAGE, new Uint8Array())).toBe(false)
    for (let y = 2; y < 40; y++) {
      const point = new Uint8Array(32).fill(0, 1)
      point[0] = y
      expect(crypto.ed25519Verify(point, MESSAGE, signature)).toBe(false)
    }
  })
})

test('the list of small orders is the group that a point of order 8 generates', () => {
  const points = smallOrderPoints()
  expect(new Set(points.map((point) => point.toHex())).size).toBe(8)
  const honest = nodeCrypto.ed25519Sign(SEED, MESSAGE)
  for (const point of points) {
    expect(isStrictEd25519(point.toBytes(), honest)).toBe(false)
    expect(isStrictEd25519(nodeCrypto.ed25519PublicKey(SEED), join(point.toBytes(), encode(1n)))).toBe(false)
  }
})

test('y is refused from p on, and S from L on', () => {
  const honest = nodeCrypto.ed25519Sign(SEED, MESSAGE)
  const p = 2n ** 255n - 19n
  expect(isStrictEd25519(encode(p - 2n), honest)).toBe(true)
  for (let y = p; y < 2n ** 255n; y++) expect(isStrictEd25519(encode(y), honest)).toBe(false)
  const r = honest.subarray(0, 32)
  const key = nodeCrypto.ed25519PublicKey(SEED)
  expect(isStrictEd25519(key, join(r, encode(ORDER - 1n)))).toBe(true)
  expect(isStrictEd25519(key, join(r, encode(ORDER)))).toBe(false)
})

function smallOrderPoints() {
  const points = [Point.ZERO]
  for (let i = 1; i < 8; i++) points.push(points[i - 1]!.add(TORSION))
  return points
}

/** Both signs of x, and y + p where that still fits 255 bits. */
function smallOrderEncodings(): Uint8Array[] {
  return smallOrderPoints().flatMap((point) => {
    const bytes = point.toBytes()
    const y = decode(bytes) & (2n ** 255n - 1n)
    const ys = [y, y + 2n ** 255n - 19n].filter((value) => value < 2n ** 255n)
    return ys.flatMap((value) => [encode(value), encode(value + 2n ** 255n)])
  })
}

function challenge(r: Uint8Array, key: Uint8Array): bigint {
  return Point.Fn.create(decode(sha512(join(join(r, key), MESSAGE))))
}

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  return bytes.with(bit >> 3, bytes[bit >> 3]! ^ (1 << (bit & 7)))
}

function encode(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn))
}

function decode(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n)
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array {
  return Uint8Array.of(...a, ...b)
}
