import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toHex } from '../bytes/hex.ts'
import { browserCrypto } from '../crypto/browser.ts'
import { nodeCrypto } from '../crypto/node.ts'
import { parseId } from '../ids/ids.ts'
import { accountZoneKey, openAccountKey, recoverySigningSeed, wrapAccountKey } from './account.ts'
import { answerChallenge, challengeAnswered, challengeBytes } from './challenge.ts'
import { flipBit, refusal, seededRandom, thrown } from './fixtures.ts'
import { createIdentity, decodeIdentity, encodeIdentity } from './identity.ts'
import { KeyRefused } from './refused.ts'
import { randomKey, SecretKey } from './secrets.ts'
import { unwrapKey, WRAP_BYTES, type WrapFacts, wrapKey } from './wraps.ts'

const KEY = new SecretKey(new Uint8Array(32).fill(1))
const UNDER = new SecretKey(new Uint8Array(32).fill(2))
const ACCOUNT = parseId('account', '0a'.repeat(16))
const OTHER = parseId('account', '0b'.repeat(16))
const FACTS: WrapFacts = {
  purpose: 'previous zone key',
  owner: ACCOUNT,
  zone: parseId('zone', '0c'.repeat(32)),
  epoch: 4,
}
const WRAP = wrapKey(nodeCrypto, seededRandom('wrap'), UNDER, FACTS, KEY)

describe('a wrapped key', () => {
  it('is exactly these bytes (KEY-6), in a browser too', () => {
    expect(toHex(WRAP)).toBe(
      '11357f7c558e72b9c0a9cbbed1a8705732703e9fdd714790299678cc1c411eb88c8535f72f1bfdfd44256aafd85f61dd8b32fd786a0e6d6eb2a16f6433',
    )
    expect(wrapKey(browserCrypto, seededRandom('wrap'), UNDER, FACTS, KEY)).toEqual(WRAP)
    expect(WRAP).toHaveLength(WRAP_BYTES)
  })

  it('opens for exactly its facts', () => {
    expect(unwrapKey(nodeCrypto, UNDER, FACTS, WRAP).bytes()).toEqual(KEY.bytes())
  })

  const { zone: _zone, ...noZone } = FACTS
  const { epoch: _epoch, ...noEpoch } = FACTS
  const swapped: [string, WrapFacts][] = [
    ['purpose', { ...FACTS, purpose: 'account key on a device' }],
    ['owner', { ...FACTS, owner: OTHER }],
    ['zone', { ...FACTS, zone: parseId('zone', '0d'.repeat(32)) }],
    ['no zone', noZone],
    ['epoch', { ...FACTS, epoch: 5 }],
    ['no epoch', noEpoch],
  ]
  it.each(swapped)('does not open for another %s (attack 1)', async (_, facts) => {
    expect(await refusal(() => unwrapKey(nodeCrypto, UNDER, facts, WRAP))).toBe('not-authentic')
    const theirs = wrapKey(nodeCrypto, seededRandom('x'), UNDER, facts, KEY)
    expect(await refusal(() => unwrapKey(nodeCrypto, UNDER, FACTS, theirs))).toBe('not-authentic')
  })

  it('does not open under another key, flipped, cut or of another format', async () => {
    expect(await refusal(() => unwrapKey(nodeCrypto, KEY, FACTS, WRAP))).toBe('not-authentic')
    for (let bit = 0; bit < WRAP_BYTES * 8; bit++) {
      expect(() => unwrapKey(nodeCrypto, UNDER, FACTS, flipBit(WRAP, bit))).toThrow(KeyRefused)
    }
    expect(await refusal(() => unwrapKey(nodeCrypto, UNDER, FACTS, WRAP.subarray(1)))).toBe('malformed')
    expect(await refusal(() => unwrapKey(nodeCrypto, UNDER, FACTS, WRAP.with(0, 18)))).toBe('malformed')
    expect(await refusal(() => unwrapKey(nodeCrypto, UNDER, FACTS, Uint8Array.of(...WRAP, 0)))).toBe(
      'malformed',
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        expect(thrown(() => unwrapKey(nodeCrypto, UNDER, FACTS, bytes))).toBe('KeyRefused')
      }),
    )
  })

  it('says nothing of the key when it is refused', () => {
    try {
      unwrapKey(nodeCrypto, KEY, FACTS, WRAP)
    } catch (error) {
      expect(String(error)).not.toContain(toHex(UNDER.bytes()).slice(0, 16))
      expect(String(error)).not.toContain(toHex(WRAP).slice(30, 50))
    }
  })
})

describe('the account key', () => {
  const password = { by: 'password', exportKey: new Uint8Array(64).fill(3) } as const
  const phrase = { by: 'phrase', entropy: new Uint8Array(32).fill(4) } as const

  it('opens by password and by phrase, each by its own wrap only (KEY-8)', async () => {
    const random = seededRandom('account')
    const byPassword = wrapAccountKey(nodeCrypto, random, ACCOUNT, password, KEY)
    const byPhrase = wrapAccountKey(nodeCrypto, random, ACCOUNT, phrase, KEY)
    expect(openAccountKey(nodeCrypto, ACCOUNT, password, byPassword).bytes()).toEqual(KEY.bytes())
    expect(openAccountKey(nodeCrypto, ACCOUNT, phrase, byPhrase).bytes()).toEqual(KEY.bytes())
    const wrong = [
      () => openAccountKey(nodeCrypto, ACCOUNT, password, byPhrase),
      () => openAccountKey(nodeCrypto, ACCOUNT, phrase, byPassword),
      () => openAccountKey(nodeCrypto, OTHER, password, byPassword),
      () => openAccountKey(nodeCrypto, ACCOUNT, { by: 'phrase', entropy: KEY.bytes() }, byPhrase),
      () => openAccountKey(nodeCrypto, ACCOUNT, { by: 'password', exportKey: phrase.entropy }, byPhrase),
    ]
    for (const run of wrong) expect(await refusal(run)).toBe('not-authentic')
    expect([byPassword, byPhrase].map((wrap) => toHex(nodeCrypto.sha256(wrap)))).toEqual([
      '815bcd655e9f4f7facc1c0a7272d50fc6f8baffdcf3a1d527ac8d0864be99785',
      '46bac48a08e8fbf5c189ee6b8bc82971655a9a74eb1ba5d0c9b56a9d81704f0b',
    ])
  })

  it('is not wrapped for a weak opener', () => {
    const weak = [
      { by: 'password', exportKey: new Uint8Array(64) },
      { by: 'password', exportKey: new Uint8Array(16).fill(1) },
      { by: 'phrase', entropy: new Uint8Array(32) },
      { by: 'phrase', entropy: new Uint8Array(16).fill(1) },
    ] as const
    for (const opener of weak) {
      expect(() => wrapAccountKey(nodeCrypto, seededRandom('x'), ACCOUNT, opener, KEY)).toThrow(KeyRefused)
    }
  })

  it('gives the account zone another key for each account, origin and epoch; pinned', () => {
    const origin = new Uint8Array(32).fill(5)
    const keys = [
      accountZoneKey(nodeCrypto, KEY, ACCOUNT, origin, 1),
      accountZoneKey(nodeCrypto, KEY, ACCOUNT, origin, 2),
      accountZoneKey(nodeCrypto, KEY, OTHER, origin, 1),
      accountZoneKey(nodeCrypto, KEY, ACCOUNT, origin.with(0, 6), 1),
      accountZoneKey(nodeCrypto, UNDER, ACCOUNT, origin, 1),
    ].map((key) => toHex(key.bytes()))
    expect(new Set(keys).size).toBe(keys.length)
    expect(keys[0]).toBe('9706e460b3a3155c22714a240b95531a403da5cc0d9278ab81bd2d9f64c902ff')
  })

  it('leaves the recovery key to the phrase alone', () => {
    const seed = recoverySigningSeed(nodeCrypto, phrase.entropy)
    expect(toHex(nodeCrypto.ed25519PublicKey(seed.bytes()))).toBe(
      'dd1455a705380e77702e88ee79aa60b03eb2f1dc35c7150cea1e1e7807ed8c25',
    )
    expect(seed.bytes()).not.toEqual(phrase.entropy)
    expect(() => recoverySigningSeed(nodeCrypto, new Uint8Array(32))).toThrow(KeyRefused)
    expect(() => recoverySigningSeed(nodeCrypto, new Uint8Array(16).fill(1))).toThrow(KeyRefused)
  })
})

describe('an identity', () => {
  it('comes back with both halves of both pairs, and its bytes are pinned (KEY-9)', async () => {
    const identity = await createIdentity(nodeCrypto, seededRandom('identity'))
    const bytes = encodeIdentity(identity)
    expect(toHex(nodeCrypto.sha256(bytes))).toBe(
      'a897046617b6a083cb0f43d0561938d15d4b880a69089a817d9cd8af430ea69c',
    )
    const back = await decodeIdentity(nodeCrypto, bytes)
    expect(back.signingKey).toEqual(identity.signingKey)
    expect(back.sealingSeed.bytes()).toEqual(identity.sealingSeed.bytes())
  })

  it('is refused when a public key was swapped under its seed (KEY-7, attack 2)', async () => {
    const mine = await createIdentity(nodeCrypto, seededRandom('mine'))
    const theirs = await createIdentity(nodeCrypto, seededRandom('theirs'))
    const swaps = [
      { ...mine, signingKey: theirs.signingKey },
      { ...mine, sealingKey: theirs.sealingKey },
      { ...mine, signingSeed: theirs.signingSeed },
      { ...mine, sealingSeed: theirs.sealingSeed },
    ]
    for (const swapped of swaps) {
      expect(await refusal(() => decodeIdentity(nodeCrypto, encodeIdentity(swapped)))).toBe('wrong-pair')
    }
    const bytes = encodeIdentity(mine)
    expect(await refusal(() => decodeIdentity(nodeCrypto, bytes.subarray(1)))).toBe('malformed')
    expect(await refusal(() => decodeIdentity(nodeCrypto, bytes.with(1, 2)))).toBe('malformed')
  })
})

describe('a challenge', () => {
  const nonce = new Uint8Array(32).fill(6)
  const seed = randomKey(seededRandom('device'))
  const key = nodeCrypto.ed25519PublicKey(seed.bytes())

  it('is exactly these bytes (KEY-10)', () => {
    const login = Buffer.from('device login').toString('hex')
    expect(toHex(challengeBytes('device login', 'ab', nonce))).toBe(
      `8501146c${login}626162${`5820${'06'.repeat(32)}`}`,
    )
  })

  it('is answered by its key for its purpose, subject and nonce only', () => {
    const signature = answerChallenge(nodeCrypto, seed, 'device login', 'ab', nonce)
    const answered = (...args: [Parameters<typeof challengeBytes>[0], string, Uint8Array]) =>
      challengeAnswered(nodeCrypto, key, ...args, signature)
    expect(answered('device login', 'ab', nonce)).toBe(true)
    expect(answered('recovery', 'ab', nonce)).toBe(false)
    expect(answered('device login', 'ac', nonce)).toBe(false)
    expect(answered('device login', 'ab', nonce.with(0, 7))).toBe(false)
    const other = nodeCrypto.ed25519PublicKey(KEY.bytes())
    expect(challengeAnswered(nodeCrypto, other, 'device login', 'ab', nonce, signature)).toBe(false)
  })

  it('has a nonce of 32 bytes', () => {
    expect(() => challengeBytes('recovery', 'ab', new Uint8Array(31))).toThrow(RangeError)
  })
})
