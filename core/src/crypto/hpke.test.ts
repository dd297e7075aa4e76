/** HPKE over X-Wing, against vectors of its parts and a naive key schedule over another X-Wing. */
import { HkdfSha256, X25519 } from '@hpke/dhkem-x25519'
import { XWing } from '@hpke/hybridkem-x-wing'
import { ml_kem768_x25519 } from '@noble/post-quantum/hybrid.js'
import { MlKem768, MlKemError } from 'mlkem'
import { expect, test } from 'vitest'
import { AuthenticationFailed } from './crypto.ts'
import { hpkeOpen, hpkeSeal, XWING_ENCAPSULATION_BYTES, xwingPublicKey } from './hpke.ts'
import { nodeCrypto, nodeRandom } from './node.ts'
import { field, vectorTest, type WycheproofCase, wycheproofCases } from './node-vectors.ts'

vectorTest({
  file: 'xwing.json',
  covers: 'X-Wing of the HPKE library',
  cases: 3,
  run: async (text) => {
    const vectors = JSON.parse(text) as Record<string, string>[]
    const kem = new XWing()
    for (const vector of vectors) {
      const pair = await kem.generateKeyPairDerand(field(vector, 'seed'))
      expect(await xwingPublicKey(field(vector, 'seed'))).toEqual(field(vector, 'pk'))
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

const SEED = filled(32, 1)
const INFO = new TextEncoder().encode('a purpose')
const FACTS = new TextEncoder().encode('zone and epoch')
const SECRET = filled(32, 42)

test('what is sealed opens again, and no two seals are alike', async () => {
  const publicKey = await xwingPublicKey(SEED)
  const sealed = await hpkeSeal(publicKey, INFO, FACTS, SECRET, nodeRandom)
  expect(sealed).toHaveLength(XWING_ENCAPSULATION_BYTES + SECRET.length + 16)
  expect(await hpkeOpen(SEED, INFO, FACTS, sealed)).toEqual(SECRET)
  expect(await hpkeSeal(publicKey, INFO, FACTS, SECRET, nodeRandom)).not.toEqual(sealed)
})

test('another identity, purpose or fact, a flipped bit and a cut are all refused', async () => {
  const sealed = await hpkeSeal(await xwingPublicKey(SEED), INFO, FACTS, SECRET, nodeRandom)
  const refused = (opened: Promise<Uint8Array>) => expect(opened).rejects.toThrow(AuthenticationFailed)
  await refused(hpkeOpen(filled(32, 2), INFO, FACTS, sealed))
  await refused(hpkeOpen(SEED, FACTS, FACTS, sealed))
  await refused(hpkeOpen(SEED, INFO, INFO, sealed))
  for (const at of [0, 500, 1_087, 1_088, 1_119, 1_120, sealed.length - 1]) {
    await refused(hpkeOpen(SEED, INFO, FACTS, sealed.with(at, sealed[at]! ^ 1)))
  }
  for (const length of [0, 1_119, 1_120, 1_135, sealed.length - 1]) {
    await refused(hpkeOpen(SEED, INFO, FACTS, sealed.subarray(0, length)))
  }
})

test('keys of a wrong length are refused before anything is sealed', async () => {
  await expect(xwingPublicKey(filled(31, 1))).rejects.toThrow(RangeError)
  await expect(hpkeOpen(filled(33, 1), INFO, FACTS, filled(1_200, 0))).rejects.toThrow(RangeError)
  await expect(hpkeSeal(filled(32, 1), INFO, FACTS, SECRET, nodeRandom)).rejects.toThrow(RangeError)
})

test('inputs may be views into larger buffers', async () => {
  const inside = (bytes: Uint8Array) => Buffer.concat([filled(3, 9), bytes, filled(5, 9)]).subarray(3, -5)
  const publicKey = await xwingPublicKey(inside(SEED))
  expect(publicKey).toEqual(await xwingPublicKey(SEED))
  const sealed = await hpkeSeal(inside(publicKey), inside(INFO), inside(FACTS), inside(SECRET), nodeRandom)
  expect(await hpkeOpen(inside(SEED), inside(INFO), inside(FACTS), inside(sealed))).toEqual(SECRET)
})

test('a naive RFC 9180 over noble’s X-Wing makes the same bytes', async () => {
  const { publicKey } = ml_kem768_x25519.keygen(SEED)
  expect(await xwingPublicKey(SEED)).toEqual(publicKey)
  const randomness = filled(64, 77)
  const { cipherText, sharedSecret } = ml_kem768_x25519.encapsulate(publicKey, randomness)
  const sealed = naiveSeal(cipherText, sharedSecret)
  expect(await hpkeSeal(publicKey, INFO, FACTS, SECRET, () => randomness)).toEqual(sealed)
  expect(await hpkeOpen(SEED, INFO, FACTS, sealed)).toEqual(SECRET)
})

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
