/** Every format of core: what is sealed, signed, stored and packed. */
import { fromBase64url, toBase64url } from '@pileus/core/bytes/base64url'
import { decodeCbor, encodeCbor } from '@pileus/core/bytes/cbor'
import { fromHex } from '@pileus/core/bytes/hex'
import { openChunk, sealChunk } from '@pileus/core/content/chunk'
import { buildChunkList, readChunkList } from '@pileus/core/content/list'
import { encodePack, PackReader } from '@pileus/core/content/pack'
import { nodeCrypto as crypto } from '@pileus/core/crypto/node'
import { entropyFromPhrase, phraseFromEntropy } from '@pileus/core/crypto/phrase'
import { idFromBytes, parseId } from '@pileus/core/ids/ids'
import { certifyDevice, createDevice, openCertificate, readCertificate } from '@pileus/core/keys/device'
import { seededRandom } from '@pileus/core/keys/fixtures'
import { createIdentity, decodeIdentity, encodeIdentity } from '@pileus/core/keys/identity'
import { SecretKey } from '@pileus/core/keys/secrets'
import { unwrapKey, wrapKey } from '@pileus/core/keys/wraps'
import { createGenesis, newEpoch } from '@pileus/core/keys/zone-access'
import { forge } from '@pileus/core/keys/zone-fixtures'
import { deriveZoneKeys } from '@pileus/core/keys/zone-keys'
import { logHead, verifyEntry } from '@pileus/core/keys/zone-log'
import { readBatch, signBatch, verifyBatch } from '@pileus/core/records/batch'
import { decodeBody, encodeBody } from '@pileus/core/records/body'
import { decodeFacts } from '@pileus/core/records/facts'
import { decodeSteps, encodeSteps, firstFigure } from '@pileus/core/records/figure'
import { entry, fileBody, fileVersion } from '@pileus/core/records/fixtures'
import type { ChunkEntry, RecordBody } from '@pileus/core/records/record'
import { decodeRefsNode, encodeRefsNode } from '@pileus/core/records/refs-root'
import { leafOf, openRecord, sealRecord } from '@pileus/core/records/seal'
import { ofBytes, ofCbor, type Target } from './target.ts'

/** Good examples of every format, and what reads it. */
export async function formatTargets(): Promise<Target[]> {
  const random = seededRandom('fuzz')
  return [...texts(random), ...content(random), ...(await records(random)), ...(await keys(random))]
}

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
const utf8 = (value: string): Uint8Array => new TextEncoder().encode(value)

function texts(random: (count: number) => Uint8Array): Target[] {
  const cbor = encodeCbor([1, 'text', { a: [null, true, -5], b: new Uint8Array(9) }, 2 ** 40])
  return [
    ofCbor('cbor', [cbor], ['CborError'], (bytes) => encodeCbor(decodeCbor(bytes))),
    ofCbor('cbor, canonical', [cbor], ['CborError'], (bytes) => decodeCbor(bytes, { canonical: true })),
    ofBytes('base64url', [utf8(toBase64url(random(40)))], ['RangeError', 'SyntaxError'], (b) =>
      fromBase64url(text(b)),
    ),
    ofBytes('hex', [utf8('00ff'.repeat(16))], ['RangeError', 'SyntaxError'], (b) => fromHex(text(b))),
    ofBytes('id', [utf8('0f'.repeat(32))], ['InvalidId'], (b) => parseId('zone', text(b))),
    ofBytes(
      'recovery phrase',
      [utf8(phraseFromEntropy(random(32)))],
      ['InvalidPhrase'],
      (b) => entropyFromPhrase(text(b)),
      0.1,
    ),
  ]
}

function content(random: (count: number) => Uint8Array): Target[] {
  const secret = random(32)
  const seal = (data: Uint8Array) => sealChunk(crypto, secret, data)
  const chunks = [1, 500, 5_000].map((length) => seal(random(length)))
  const entries = Array.from({ length: 600 }, (_, n) => ({ ...entry(n + 1), length: 300_000 }))
  const plain: Uint8Array[] = []
  const { list, nodes } = buildChunkList((data) => {
    plain.push(data)
    return seal(data)
  }, entries)
  const stored = new Map(nodes.map(({ entry: { id }, bytes }) => [id, bytes]))
  const size = entries.reduce((sum, one) => sum + one.length, 0)
  const [top] = list.entries as readonly [ChunkEntry, ...ChunkEntry[]]
  const pack = new Uint8Array(
    Buffer.concat(encodePack(chunks.map(({ entry: { id }, bytes }) => ({ id, bytes })))),
  )
  return [
    ofBytes(
      'chunk',
      chunks.map(({ bytes }) => bytes),
      ['ChunkCorrupt'],
      (b) => openChunk(crypto, chunks[1]!.entry, b),
    ),
    ofBytes(
      'chunk with a fitting id',
      chunks.map(({ bytes }) => bytes),
      ['ChunkCorrupt'],
      (b) => openChunk(crypto, { ...chunks[1]!.entry, id: idFromBytes('chunk', crypto.sha256(b)) }, b),
    ),
    // A member seals a node as it likes: what is in it is hostile, although it opens.
    ofBytes(
      'chunk list',
      plain,
      ['ListMalformed', 'ChunkCorrupt'],
      async (b) => {
        const { entry: sealed, bytes } = seal(b.length === 0 ? new Uint8Array(1) : b)
        const forged = {
          depth: list.depth,
          entries: [{ ...sealed, length: top.length }, ...list.entries.slice(1)],
        }
        for await (const _ of readChunkList(
          crypto,
          { size, list: forged },
          async ({ id }) => stored.get(id) ?? bytes,
        ));
      },
      0.2,
    ),
    ofBytes('pack', [pack], ['PackMalformed'], (bytes) => {
      const reader = new PackReader()
      for (let at = 0; at < bytes.length; at += 1_000) reader.push(bytes.subarray(at, at + 1_000))
      reader.end()
    }),
    ofBytes(
      'clear list node',
      [encodeRefsNode(entries.slice(0, 40).map(({ id }) => id))],
      ['RecordRefused'],
      decodeRefsNode,
    ),
  ]
}

const BODIES: readonly RecordBody[] = [
  fileBody([entry(1), entry(2)]),
  { ...fileBody(), kind: 'folder', content: null },
  { ...fileBody(), kind: 'link', content: { type: 'link', target: '../else', base: '', by: 'phone' } },
  { ...fileBody(), kind: 'settings', content: { type: 'inline', bytes: new Uint8Array(9), base: '' } },
]

async function records(random: (count: number) => Uint8Array): Promise<Target[]> {
  const version = fileVersion()
  const keys = deriveZoneKeys(crypto, new SecretKey(random(32)), version.zone, 1)
  const keysOf = (epoch: number) => (epoch === 1 ? keys : undefined)
  const refs = { depth: 0, ids: [entry(1).id] }
  const sealed = sealRecord(crypto, random, keys, version, refs)
  const seed = new SecretKey(random(32))
  const leaf = leafOf(crypto, sealed)
  const signed = signBatch(
    crypto,
    seed,
    {
      zone: version.zone,
      batch: parseId('batch', '22'.repeat(16)),
      writer: parseId('writer', '33'.repeat(8)),
      logHead: leaf,
      epoch: 1,
      generation: 0,
      seen: firstFigure(crypto, version.zone, 1),
    },
    [leaf],
  )
  const publicKey = crypto.ed25519PublicKey(seed.bytes())
  const steps = encodeSteps([{ record: version.id, oldLeaf: null, newLeaf: leaf }])
  return [
    ofCbor('record facts', [sealed.facts], ['RecordRefused'], decodeFacts, 2),
    ofCbor('record body', BODIES.map(encodeBody), ['RecordRefused'], decodeBody, 3),
    ofCbor('record, facts changed', [sealed.facts], ['RecordRefused'], (facts) =>
      openRecord(crypto, keysOf, version.zone, { ...sealed, facts }),
    ),
    ofBytes('record, seal changed', [sealed.seal], ['RecordRefused'], (seal) =>
      openRecord(crypto, keysOf, version.zone, { ...sealed, seal }),
    ),
    ofCbor(
      'batch header',
      [signed.header],
      ['BatchRefused'],
      (header) => readBatch({ ...signed, header }),
      2,
    ),
    ofBytes('batch', [signed.header], ['BatchRefused'], (header) =>
      verifyBatch(crypto, { ...signed, header }, publicKey, [leaf]),
    ),
    ofBytes(
      'signature of a batch',
      [signed.signature],
      ['BatchRefused'],
      (signature) => verifyBatch(crypto, { ...signed, signature }, publicKey, [leaf]),
      0.3,
    ),
    ofBytes('steps', [steps], ['RangeError'], (bytes) => decodeSteps(bytes, 7)),
  ]
}

async function keys(random: (count: number) => Uint8Array): Promise<Target[]> {
  const identity = await createIdentity(crypto, random)
  const account = parseId('account', '0a'.repeat(16))
  const by = { account, identity }
  const { entry: genesis, state, zoneKey } = await createGenesis(crypto, random, by, { source: 'sealed' })
  const { change } = await newEpoch(crypto, random, state, zoneKey, { source: 'sealed' })
  const device = createDevice(crypto, random)
  const removal = forge(crypto, state, by, {
    kind: 'remove-device',
    account,
    device: device.id,
    atSequence: 3,
  })
  const epoch = forge(crypto, state, by, change)
  const certificate = certifyDevice(crypto, identity, { account, publicKey: device.publicKey })
  const wrapping = new SecretKey(random(32))
  const facts = { purpose: 'device signing seed', owner: account } as const
  const wrapped = wrapKey(crypto, random, wrapping, facts, zoneKey)
  return [
    ofCbor('first entry of a log', [genesis], ['LogRefused', 'KeyRefused'], (b) =>
      verifyEntry(crypto, null, b),
    ),
    ofCbor('entry of a log', [removal, epoch], ['LogRefused', 'KeyRefused'], (b) =>
      logHead(verifyEntry(crypto, state, b)),
    ),
    // Signed by the owner, who may be hostile.
    ofCbor('signed entry of a log', [bodyOf(removal), bodyOf(epoch)], ['LogRefused', 'KeyRefused'], (body) =>
      verifyEntry(crypto, state, signedAs(identity.signingSeed, body)),
    ),
    ofCbor('certificate', [certificate], ['KeyRefused'], (b) => readCertificate(crypto, b)),
    ofCbor(
      'certificate, checked',
      [certificate],
      ['KeyRefused'],
      (b) => openCertificate(crypto, b, identity.signingKey),
      0.5,
    ),
    ofCbor('identity', [encodeIdentity(identity)], ['KeyRefused'], (b) => decodeIdentity(crypto, b), 0.1),
    ofBytes('wrapped key', [wrapped], ['KeyRefused'], (b) => unwrapKey(crypto, wrapping, facts, b)),
  ]
}

/** The body of signed bytes (KEY-11), and signed bytes of a body. */
function bodyOf(signed: Uint8Array): Uint8Array {
  return (decodeCbor(signed) as Uint8Array[])[2]!
}

function signedAs(seed: SecretKey, body: Uint8Array): Uint8Array {
  return encodeCbor([1, 23, body, crypto.ed25519Sign(seed.bytes(), body)])
}
