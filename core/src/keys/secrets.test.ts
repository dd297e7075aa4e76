import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { toHex } from '../bytes/hex.ts'
import { nodeCrypto } from '../crypto/node.ts'
import { parseId } from '../ids/ids.ts'
import { seededRandom } from './fixtures.ts'
import { KeyRefused } from './refused.ts'
import { randomKey, SecretKey, sameBytes } from './secrets.ts'
import { FORMAT } from './suite.ts'
import { deriveZoneKeys, keyRing } from './zone-keys.ts'

const ZONE = parseId('zone', '11'.repeat(32))
const ZONE_KEY = new SecretKey(new Uint8Array(32).fill(7))

describe('a secret key', () => {
  it('cannot be printed by accident (KEY-3)', () => {
    const shown = [
      String(ZONE_KEY),
      `${ZONE_KEY}`,
      JSON.stringify({ ZONE_KEY }),
      inspect(ZONE_KEY),
      inspect({ deep: [ZONE_KEY] }),
      Object.values(ZONE_KEY).join(),
    ]
    for (const text of shown) expect(text).not.toMatch(/7|07/)
    expect(inspect(ZONE_KEY)).toBe('[secret]')
  })

  it('is refused all zero or of another length (KEY-4, attack 11)', () => {
    expect(() => new SecretKey(new Uint8Array(32))).toThrow(KeyRefused)
    expect(() => new SecretKey(new Uint8Array(31).fill(1))).toThrow(KeyRefused)
    expect(() => new SecretKey(new Uint8Array(33).fill(1))).toThrow(KeyRefused)
    expect(() => randomKey((bytes) => new Uint8Array(bytes))).toThrow(KeyRefused)
  })

  it('keeps its own copy', () => {
    const bytes = new Uint8Array(32).fill(1)
    const key = new SecretKey(bytes)
    bytes.fill(2)
    expect(key.bytes()).toEqual(new Uint8Array(32).fill(1))
  })
})

describe('comparing bytes', () => {
  it('tells any difference', () => {
    expect(sameBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2))).toBe(true)
    expect(sameBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 3))).toBe(false)
    expect(sameBytes(Uint8Array.of(1, 2), Uint8Array.of(1))).toBe(false)
    expect(sameBytes(Uint8Array.of(1), Uint8Array.of(1, 2))).toBe(false)
    expect(sameBytes(Uint8Array.of(), Uint8Array.of())).toBe(true)
  })
})

describe('the keys of an epoch', () => {
  it('are exactly these (KEY-5)', () => {
    const keys = deriveZoneKeys(nodeCrypto, ZONE_KEY, ZONE, 1)
    const shown = [keys.recordWrapping, keys.chunkSecret, keys.chunkerKey].map((key) => toHex(key.bytes()))
    expect(shown).toEqual([
      '3ff9e7a99db7a4d4e5a20f801c6ba9c050a985666f817378b1f063001e0f4f1e',
      '81e8a4e849b443f7acfb57c3a76e9e537cf82d91476edb11f660a45a2e040b05',
      '27489873bc23d7d239f591e687749356998c51f455e1e4571956590432227911',
    ])
  })

  it('are what HKDF makes of the info written out (KEY-2)', () => {
    // 85: array of 5; suite 1, format 16, purpose, zone, epoch.
    const info = Buffer.from(`8501106c6368756e6b207365637265745820${ZONE}03`, 'hex')
    const expected = nodeCrypto.hkdfSha256(ZONE_KEY.bytes(), new Uint8Array(), info, 32)
    expect(deriveZoneKeys(nodeCrypto, ZONE_KEY, ZONE, 3).chunkSecret.bytes()).toEqual(expected)
  })

  it('all differ: by use, by zone and by epoch', () => {
    const other = parseId('zone', '12'.repeat(32))
    const all = [
      deriveZoneKeys(nodeCrypto, ZONE_KEY, ZONE, 1),
      deriveZoneKeys(nodeCrypto, ZONE_KEY, ZONE, 2),
      deriveZoneKeys(nodeCrypto, ZONE_KEY, other, 1),
    ].flatMap((keys) =>
      [keys.recordWrapping, keys.chunkSecret, keys.chunkerKey].map((key) => toHex(key.bytes())),
    )
    expect(new Set([...all, toHex(ZONE_KEY.bytes())]).size).toBe(10)
  })

  it('are found by epoch, and undefined where no key is known', () => {
    const second = randomKey(seededRandom('second'))
    const keysOf = keyRing(nodeCrypto, ZONE, new Map([[2, second]]))
    expect(keysOf(1)).toBeUndefined()
    expect(keysOf(2)).toBe(keysOf(2))
    expect(keysOf(2)!.chunkerKey.bytes()).toEqual(
      deriveZoneKeys(nodeCrypto, second, ZONE, 2).chunkerKey.bytes(),
    )
  })
})

describe('format numbers', () => {
  it('are never shared and never change (KEY-1)', () => {
    expect(FORMAT).toEqual({
      recordFacts: 1,
      recordBody: 2,
      recordSeal: 3,
      refsRoot: 4,
      refsNode: 5,
      // 6 is retired.
      batch: 7,
      keyDerivation: 16,
      keyWrap: 17,
      identity: 18,
      deviceCertificate: 19,
      challenge: 20,
      logEntry: 21,
      zoneKeyWrap: 22,
      signed: 23,
    })
    expect(new Set(Object.values(FORMAT)).size).toBe(Object.keys(FORMAT).length)
  })
})
