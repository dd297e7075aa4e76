/** HPKE over X-Wing, against vectors of its parts and a naive key schedule over another X-Wing. */
import { HkdfSha256, X25519 } from '@hpke/dhkem-x25519'
import { XWing } from '@hpke/hybridkem-x-wing'
import { ml_kem768_x25519 } from '@noble/post-quantum/hybrid.js'
import { MlKem768, MlKemError } from 'mlkem'
import { describe, expect, test } from 'vitest'
import { browserCrypto } from './browser.ts'
import { AuthenticationFailed } from './crypto.ts'
import { hpkeOpen, hpkeSeal } from './hpke.ts'
import { nodeCrypto, nodeRandom } from './node.ts'
import { field, vectorTest, type WycheproofCase, wycheproofCases } from './node-vectors.ts'
import { XWING_ENCAPSULATION_BYTES, xwingDecapsulate, xwingPublicKey } from './xwing.ts'

vectorTest({
  file: 'xwing.json',
  covers: 'X-Wing of the HPKE library',
  cases: 3,
  run: async (text) => {
    const vectors = JSON.parse(text) as Record<string, string>[]
    const kem = new XWing()
    for (const vector of vectors) {
      const pair = await kem.generateKeyPairDerand(field(vector, 'seed'))
      const ekm = field(vector, 'eseed')
      const sent = await kem.encap({ recipientPublicKey: pair.publicKey, ekm })
      expect(new Uint8Array(sent.enc)).toEqual(field(vector, 'ct'))
      expect(new Uint8Array(sent.sharedSecret)).toEqual(field(vector, 'ss'))
      const secret = await kem.decap({ recipientKey: pair.privateKey, enc: field(vector, 'ct') })
      expect(new Uint8Array(secret)).toEqual(field(vector, 'ss'))
    }
    return vectors.length
  },
})

vectorTest({
  file: 'wycheproof/mlkem_768_test.json',
  covers: 'ML-KEM-768 inside that X-Wing',
  cases: 193,
  run: async (text) => {
    const vectors = wycheproofCases(text)
    for (const vector of vectors) {
      const label = `case ${vector.tcId}`
      if (vector.result !== 'valid') {
        await expect(decapsulate(vector), label).rejects.toThrow(MlKemError)
        continue
      }
      const { encapsulationKey, secret } = await decapsulate(vector)
      expect(encapsulationKey, label).toEqual(field(vector, 'ek'))
      expect(secret, label).toEqual(field(vector, 'K'))
    }
    return vectors.length
  },
})

vectorTest({
  file: 'wycheproof/x25519_test.json',
  covers: 'X25519 inside that X-Wing',
  cases: 518,
  run: async (text) => {
    const vectors = wycheproofCases(text)
    const dh = new X25519(new HkdfSha256())
    for (const vector of vectors) {
      const secret = dh.derive(field(vector, 'private'), field(vector, 'public'))
      // RFC 7748 §6.1 lets an implementation refuse a shared secret of zeros; all others have one answer.
      if (vector.flags.includes('ZeroSharedSecret')) await secret.catch(() => field(vector, 'shared'))
      else expect(new Uint8Array(await secret), `case ${vector.tcId}`).toEqual(field(vector, 'shared'))
    }
    return vectors.length
  },
})

const IMPLEMENTATIONS = [
  ['node:crypto', nodeCrypto],
  ['noble', browserCrypto],
] as const

describe.each(IMPLEMENTATIONS)('by %s', (name, crypto) => {
  vectorTest({
    file: 'xwing.json',
    covers: `our half of X-Wing by ${name}`,
    cases: 3,
    run: async (text) => {
      const vectors = JSON.parse(text) as Record<string, string>[]
      for (const vector of vectors) {
        const seed = field(vector, 'seed')
        expect(await xwingPublicKey(crypto, seed)).toEqual(field(vector, 'pk'))
        expect(await xwingDecapsulate(crypto, seed, field(vector, 'ct'))).toEqual(field(vector, 'ss'))
      }
      return vectors.length
    },
  })

  vectorTest({
    file: 'wycheproof/mlkem_768_test.json',
    covers: `ML-KEM-768 by ${name}`,
    cases: 193,
    run: async (text) => {
      const vectors = wycheproofCases(text)
      for (const vector of vectors) {
        const label = `case ${vector.tcId}`
        const secret = crypto.mlKem768Decapsulate(field(vector, 'seed'), field(vector, 'c'))
        if (vector.result !== 'valid') {
          await expect(secret, label).rejects.toThrow()
          continue
        }
        expect(await secret, label).toEqual(field(vector, 'K'))
        expect(await crypto.mlKem768PublicKey(field(vector, 'seed')), label).toEqual(field(vector, 'ek'))
      }
      return vectors.length
    },
  })

  vectorTest({
    file: 'wycheproof/x25519_test.json',
    covers: `X25519 by ${name}`,
    cases: 518,
    run: (text) => {
      const vectors = wycheproofCases(text)
      for (const vector of vectors) {
        const derive = () => crypto.x25519(field(vector, 'private'), field(vector, 'public'))
        if (vector.flags.includes('ZeroSharedSecret')) expect(derive, `case ${vector.tcId}`).toThrow()
        else expect(derive(), `case ${vector.tcId}`).toEqual(field(vector, 'shared'))
      }
      return vectors.length
    },
  })

  test('SHA3-256 and SHAKE256 of nothing are what FIPS 202 says', () => {
    const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
    expect(hex(crypto.sha3(new Uint8Array()))).toBe(
      'a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a',
    )
    expect(hex(crypto.shake256(new Uint8Array(), 32))).toBe(
      '46b9dd2b0ba88d13233b3feb743eeb243fcd52ea62b81b82b50c27646ed5762f',
    )
  })

  test('keys and secrets have memory of their own, and none of Buffer’s methods', async () => {
    const { publicKey, cipherText } = encapsulated()
    const made = [
      await xwingPublicKey(crypto, SEED),
      await xwingDecapsulate(crypto, SEED, cipherText),
      await crypto.mlKem768PublicKey(filled(64, 3)),
      await crypto.mlKem768Decapsulate(filled(64, 3), filled(1_088, 4)),
      crypto.x25519(SEED, publicKey.slice(-32)),
    ]
    for (const bytes of made) {
      expect(bytes.constructor).toBe(Uint8Array)
      expect(bytes.buffer.byteLength).toBe(bytes.length)
    }
  })

  test('what is sealed opens again, and no two seals are alike', async () => {
    const publicKey = await xwingPublicKey(crypto, SEED)
    const sealed = await hpkeSeal(publicKey, INFO, FACTS, SECRET, nodeRandom)
    expect(sealed).toHaveLength(XWING_ENCAPSULATION_BYTES + SECRET.length + 16)
    expect(await hpkeOpen(crypto, SEED, INFO, FACTS, sealed)).toEqual(SECRET)
    expect(await hpkeSeal(publicKey, INFO, FACTS, SECRET, nodeRandom)).not.toEqual(sealed)
  })

  test('another identity, purpose or fact, a flipped bit and a cut are all refused', async () => {
    const sealed = await hpkeSeal(await xwingPublicKey(crypto, SEED), INFO, FACTS, SECRET, nodeRandom)
    const refused = (opened: Promise<Uint8Array>) => expect(opened).rejects.toThrow(AuthenticationFailed)
    await refused(hpkeOpen(crypto, filled(32, 2), INFO, FACTS, sealed))
    await refused(hpkeOpen(crypto, SEED, FACTS, FACTS, sealed))
    await refused(hpkeOpen(crypto, SEED, INFO, INFO, sealed))
    for (const at of [0, 500, 1_087, 1_088, 1_119, 1_120, sealed.length - 1]) {
      await refused(hpkeOpen(crypto, SEED, INFO, FACTS, sealed.with(at, sealed[at]! ^ 1)))
    }
    for (const length of [0, 1_119, 1_120, 1_135, sealed.length - 1]) {
      await refused(hpkeOpen(crypto, SEED, INFO, FACTS, sealed.subarray(0, length)))
    }
    // X25519 keys of small order give the same secret to everybody.
    const smallOrder = Uint8Array.from(sealed)
    smallOrder.fill(0, 1_088, 1_120)
    await refused(hpkeOpen(crypto, SEED, INFO, FACTS, smallOrder))
  })

  test('keys of a wrong length are refused before anything is sealed', async () => {
    await expect(xwingPublicKey(crypto, filled(31, 1))).rejects.toThrow(RangeError)
    await expect(xwingDecapsulate(crypto, SEED, filled(1_119, 1))).rejects.toThrow(RangeError)
    await expect(hpkeOpen(crypto, filled(33, 1), INFO, FACTS, filled(1_200, 0))).rejects.toThrow(RangeError)
    await expect(hpkeSeal(filled(32, 1), INFO, FACTS, SECRET, nodeRandom)).rejects.toThrow(RangeError)
  })

  test('inputs may be views into larger buffers', async () => {
    const inside = (bytes: Uint8Array) => Buffer.concat([filled(3, 9), bytes, filled(5, 9)]).subarray(3, -5)
    const publicKey = await xwingPublicKey(crypto, inside(SEED))
    expect(publicKey).toEqual(await xwingPublicKey(crypto, SEED))
    const sealed = await hpkeSeal(inside(publicKey), inside(INFO), inside(FACTS), inside(SECRET), nodeRandom)
    expect(await hpkeOpen(crypto, inside(SEED), inside(INFO), inside(FACTS), inside(sealed))).toEqual(SECRET)
  })

  test('a naive RFC 9180 over noble’s X-Wing makes the same bytes', async () => {
    const { publicKey, cipherText, sharedSecret, randomness } = encapsulated()
    expect(await xwingPublicKey(crypto, SEED)).toEqual(publicKey)
    expect(await xwingDecapsulate(crypto, SEED, cipherText)).toEqual(sharedSecret)
    const sealed = naiveSeal(cipherText, sharedSecret)
    expect(await hpkeSeal(publicKey, INFO, FACTS, SECRET, () => randomness)).toEqual(sealed)
    expect(await hpkeOpen(crypto, SEED, INFO, FACTS, sealed)).toEqual(SECRET)
  })
})

const SEED = filled(32, 1)
const INFO = new TextEncoder().encode('a purpose')
const FACTS = new TextEncoder().encode('zone and epoch')
const SECRET = filled(32, 42)

function encapsulated() {
  const randomness = filled(64, 77)
  const { publicKey } = ml_kem768_x25519.keygen(SEED)
  return { publicKey, randomness, ...ml_kem768_x25519.encapsulate(publicKey, randomness) }
}

async function decapsulate(vector: WycheproofCase) {
  const kem = new MlKem768()
  const [encapsulationKey, key] = await kem.deriveKeyPair(field(vector, 'seed'))
  return { encapsulationKey, secret: await kem.decap(field(vector, 'c'), key) }
}

/** RFC 9180 §4, §5.1 and §5.2 for mode 0 and sequence number 0, spelled out. */
function naiveSeal(encapsulated: Uint8Array, sharedSecret: Uint8Array): Uint8Array {
  // X-Wing is 0x647a, HKDF-SHA-256 0x0001, AES-256-GCM 0x0002.
  const suite = join('HPKE', Uint8Array.of(0x64, 0x7a, 0, 1, 0, 2))
  const extract = (salt: Uint8Array, label: string, ikm: Uint8Array) =>
    nodeCrypto.hmacSha256(salt, join('HPKE-v1', suite, label, ikm))
  const expand = (prk: Uint8Array, label: string, info: Uint8Array, length: number) =>
    nodeCrypto
      .hmacSha256(prk, join(Uint8Array.of(0, length), 'HPKE-v1', suite, label, info, Uint8Array.of(1)))
      .subarray(0, length)
  const none = new Uint8Array()
  const zeros = new Uint8Array(32)
  const context = join(
    Uint8Array.of(0),
    extract(zeros, 'psk_id_hash', none),
    extract(zeros, 'info_hash', INFO),
  )
  const secret = extract(sharedSecret, 'secret', none)
  const key = expand(secret, 'key', context, 32)
  const nonce = expand(secret, 'base_nonce', context, 12)
  return join(encapsulated, nodeCrypto.aesGcmSeal(key, nonce, FACTS, SECRET))
}

function join(...parts: (string | Uint8Array)[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts.map((part) => Buffer.from(part as Uint8Array))))
}

function filled(length: number, value: number): Uint8Array {
  return new Uint8Array(length).fill(value)
}
