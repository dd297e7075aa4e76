/**
 * Sealing a record: AES-256-GCM under a key made for this seal alone, bound to the record's facts. The key is
 * wrapped (RFC 3394) under the epoch's record wrapping key.
 *
 * seal = format ‖ wrapped record key (40) ‖ nonce (12) ‖ AES-GCM(u32 length ‖ body ‖ zeros) (REC-9)
 */

import { padmeLength } from '../content/padding.ts'
import { AuthenticationFailed, type Crypto } from '../crypto/crypto.ts'
import type { Random } from '../crypto/random.ts'
import { type Digest, idFromBytes, type ZoneId } from '../ids/ids.ts'
import { FORMAT } from '../keys/suite.ts'
import type { ZoneKeys } from '../keys/zone-keys.ts'
import { RECORD_MAX_BYTES } from '../limits.ts'
import { decodeBody, encodeBody } from './body.ts'
import { decodeFacts, encodeFacts, type Facts } from './facts.ts'
import type { RecordBody, RecordVersion } from './record.ts'
import type { Refs } from './refs.ts'
import { refsRoot } from './refs-root.ts'
import { RecordRefused } from './refused.ts'
import type { SealedRecord } from './sealed.ts'

const KEY_BYTES = 32
const WRAPPED_KEY_BYTES = 40
const NONCE_BYTES = 12
const TAG_BYTES = 16
const LENGTH_BYTES = 4
const NONCE_AT = 1 + WRAPPED_KEY_BYTES
const TEXT_AT = NONCE_AT + NONCE_BYTES
const SEAL_MIN_BYTES = TEXT_AT + LENGTH_BYTES + TAG_BYTES

/**
 * Seals one version of a record under a fresh key. `refs` must name exactly the chunks of its content.
 * Throws RecordRefused for a body, list or size that `openRecord` would refuse, RangeError for keys of
 * another zone.
 */
export function sealRecord(
  crypto: Crypto,
  random: Random,
  keys: ZoneKeys,
  version: RecordVersion,
  refs: Refs,
): SealedRecord {
  if (keys.zone !== version.zone) {
    throw new RangeError(`cannot seal a record of zone ${version.zone} with keys of zone ${keys.zone}`)
  }
  requireRefsOfBody(refs, version.body)
  const facts = encodeFacts({
    zone: version.zone,
    id: version.id,
    vector: version.vector,
    epoch: keys.epoch,
    refsRoot: refsRoot(crypto, refs),
  })
  const fresh = random(KEY_BYTES + NONCE_BYTES)
  const key = fresh.subarray(0, KEY_BYTES)
  const nonce = fresh.subarray(KEY_BYTES)
  const text = crypto.aesGcmSeal(key, nonce, facts, pad(encodeBody(version.body)))
  const seal = new Uint8Array(TEXT_AT + text.length)
  seal[0] = FORMAT.recordSeal
  seal.set(crypto.aesKeyWrap(keys.recordWrapping.bytes(), key), 1)
  seal.set(nonce, NONCE_AT)
  seal.set(text, TEXT_AT)
  key.fill(0)
  const sealed = { facts, seal, refs }
  requireSize(sealed)
  return sealed
}

/**
 * Checks whatever can be checked without a key: the shape of seal and facts, the size, the zone, and that the
 * clear list is the one of the facts. A server takes nothing that fails this. Throws RecordRefused.
 */
export function checkSealed(crypto: Crypto, zone: ZoneId, sealed: SealedRecord): Facts {
  requireSize(sealed)
  if (sealed.seal[0] !== FORMAT.recordSeal || sealed.seal.length < SEAL_MIN_BYTES) {
    throw new RecordRefused(
      'malformed',
      `its seal has ${sealed.seal.length} bytes and begins with ${sealed.seal[0]}, expected ${SEAL_MIN_BYTES} or more and format ${FORMAT.recordSeal}`,
    )
  }
  const facts = decodeFacts(sealed.facts)
  if (facts.zone !== zone)
    throw new RecordRefused('wrong-zone', `it is of zone ${facts.zone}, expected ${zone}`)
  if (refsRoot(crypto, sealed.refs) !== facts.refsRoot) {
    throw new RecordRefused(
      'refs-changed',
      `the clear chunk list of record ${facts.id} is not the sealed one`,
    )
  }
  return facts
}

/**
 * Opens a record of this zone. `keysOf` gives the keys of an epoch, undefined where this device has none.
 * Throws RecordRefused for anything but what a holder of the zone key sealed under exactly these facts.
 */
export function openRecord(
  crypto: Crypto,
  keysOf: (epoch: number) => ZoneKeys | undefined,
  zone: ZoneId,
  sealed: SealedRecord,
): RecordVersion & { readonly epoch: number } {
  return openChecked(crypto, keysOf, sealed, checkSealed(crypto, zone, sealed))
}

/** The same of a record of which `checkSealed` gave these facts. */
export function openChecked(
  crypto: Crypto,
  keysOf: (epoch: number) => ZoneKeys | undefined,
  sealed: SealedRecord,
  { zone, id, vector, epoch }: Facts,
): RecordVersion & { readonly epoch: number } {
  const keys = keysOf(epoch)
  if (!keys)
    throw new RecordRefused('unknown-epoch', `this device has no key of epoch ${epoch} for record ${id}`)
  if (keys.zone !== zone || keys.epoch !== epoch) {
    throw new RangeError(
      `the keys given for zone ${zone} epoch ${epoch} are of ${keys.zone} epoch ${keys.epoch}`,
    )
  }
  const body = decodeBody(unpad(openText(crypto, keys, sealed, id)))
  requireRefsOfBody(sealed.refs, body)
  return { zone, id, vector, body, epoch }
}

/**
 * SHA-256(0 ‖ u32 length of facts ‖ facts ‖ seal): a record's leaf in its batch's tree and its element in the
 * zone's set hash (REC-10). The clear list needs no place: its root stands in the facts.
 */
export function leafOf(crypto: Crypto, sealed: SealedRecord): Digest {
  const { length } = sealed.facts
  const head = Uint8Array.of(0, length >>> 24, length >>> 16, length >>> 8, length)
  return idFromBytes('digest', crypto.sha256(head, sealed.facts, sealed.seal))
}

/** Bytes a record counts for: facts, seal and clear list. */
export function sealedBytes(sealed: SealedRecord): number {
  return sealed.facts.length + sealed.seal.length + 32 * sealed.refs.ids.length
}

function openText(crypto: Crypto, keys: ZoneKeys, sealed: SealedRecord, id: string): Uint8Array {
  const { facts, seal } = sealed
  try {
    const key = crypto.aesKeyUnwrap(keys.recordWrapping.bytes(), seal.subarray(1, NONCE_AT))
    return crypto.aesGcmOpen(key, seal.subarray(NONCE_AT, TEXT_AT), facts, seal.subarray(TEXT_AT))
  } catch (error) {
    if (!(error instanceof AuthenticationFailed)) throw error
    throw new RecordRefused(
      'not-authentic',
      `record ${id} was changed, swapped or damaged (${error.message})`,
    )
  }
}

const NO_LIST = { depth: 0, entries: [] } as const

/** The server collects by the clear list: it must name the chunks of the content, no more, no fewer (REC-11). */
function requireRefsOfBody(refs: Refs, body: RecordBody): void {
  const list = body.content?.type === 'chunks' ? body.content.list : NO_LIST
  // Most files have one chunk.
  const isOne = refs.ids.length === 1 && list.entries.length === 1 && refs.depth + list.depth === 0
  if (isOne && refs.ids[0] === list.entries[0]!.id) return
  const listed = new Set(refs.ids)
  // Ids below a list of lists, or in list nodes, are seen when those are read.
  if (refs.depth > 0 && list.depth > 0) return
  const named = new Set(list.entries.map((entry) => entry.id))
  const whole = list.depth === 0 ? listed.size === named.size : listed.size > named.size
  if (refs.depth > 0 || !whole || ![...named].every((id) => listed.has(id))) {
    throw new RecordRefused(
      'refs-changed',
      `its clear list of ${listed.size} chunks does not name the ${named.size} chunks of its content`,
    )
  }
}

function requireSize(sealed: SealedRecord): void {
  const bytes = sealedBytes(sealed)
  if (bytes > RECORD_MAX_BYTES) {
    throw new RecordRefused('too-large', `it has ${bytes} bytes, at most ${RECORD_MAX_BYTES} are taken`)
  }
}

function pad(body: Uint8Array): Uint8Array {
  const padded = new Uint8Array(padmeLength(LENGTH_BYTES + body.length))
  new DataView(padded.buffer).setUint32(0, body.length)
  padded.set(body, LENGTH_BYTES)
  return padded
}

/**
 * One body has one padding: anything else is refused, though only a member could have made it. A text has its
 * length bytes: no shorter seal passes SEAL_MIN_BYTES.
 */
function unpad(text: Uint8Array): Uint8Array {
  const end = LENGTH_BYTES + new DataView(text.buffer, text.byteOffset).getUint32(0)
  if (end > text.length || padmeLength(end) !== text.length) {
    throw new RecordRefused('malformed', `its body says ${end} bytes and has ${text.length}`)
  }
  for (let i = end; i < text.length; i++) {
    if (text[i] !== 0) throw new RecordRefused('malformed', 'its padding is not zero')
  }
  return text.subarray(LENGTH_BYTES, end)
}
