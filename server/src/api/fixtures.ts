/** For tests: people with devices, zones and records, talking to a server over real HTTP. */
import { randomBytes } from 'node:crypto'
import { encodePack, packId, type StoredChunk } from '@pileus/core/content/pack'
import { nodeCrypto } from '@pileus/core/crypto/node'
import {
  type AccountId,
  type ChunkId,
  idFromBytes,
  type PackId,
  type RecordId,
  ROOT,
  randomId,
  type WriterId,
  type ZoneId,
} from '@pileus/core/ids/ids'
import { answerChallenge } from '@pileus/core/keys/challenge'
import { certifyDevice, createDevice, type DeviceKeys } from '@pileus/core/keys/device'
import { createIdentity, type Identity } from '@pileus/core/keys/identity'
import { randomKey, type SecretKey } from '@pileus/core/keys/secrets'
import { createGenesis } from '@pileus/core/keys/zone-access'
import { deriveZoneKeys, type ZoneKeys } from '@pileus/core/keys/zone-keys'
import { logHead, type ZoneState } from '@pileus/core/keys/zone-log'
import { decodeMessage, encodeMessage, type Format, formatOf, MEDIA_TYPES } from '@pileus/core/protocol/codec'
import { ENDPOINTS, type Endpoint, type EndpointName } from '@pileus/core/protocol/endpoints'
import { ProblemMessage } from '@pileus/core/protocol/problem'
import type { PushRequest } from '@pileus/core/protocol/push'
import type { TSchema } from '@pileus/core/protocol/schema'
import { signBatch } from '@pileus/core/records/batch'
import { type Figure, firstFigure } from '@pileus/core/records/figure'
import type { RecordBody } from '@pileus/core/records/record'
import { NO_REFS, type Refs } from '@pileus/core/records/refs'
import { leafOf, sealRecord } from '@pileus/core/records/seal'
import type { SealedRecord } from '@pileus/core/records/sealed'
import type { VersionVector } from '@pileus/core/versions/vector'
import { client, ready } from '@serenity-kit/opaque'
import type { AnswerOf } from '../rules/call.ts'

export const random = (bytes: number) => new Uint8Array(randomBytes(bytes))

/** Cheap on purpose: what the server does is the same whatever the client's password hash costs. */
const keyStretching = { 'argon2id-custom': { iterations: 1, memory: 8, parallelism: 1 } } as const

export interface Answer {
  readonly status: number
  readonly headers: Headers
  /** The decoded message or problem; undefined for bytes. */
  readonly message: unknown
  readonly bytes: Uint8Array
}

export interface Asked {
  readonly token?: string
  readonly params?: Record<string, string>
  readonly query?: Record<string, string | number>
  readonly headers?: Record<string, string>
  readonly message?: object
  readonly bytes?: Uint8Array
  readonly format?: Format
}

/** One request to an endpoint of the table. */
export async function ask(url: string, name: EndpointName, asked: Asked = {}): Promise<Answer> {
  const endpoint: Endpoint = ENDPOINTS[name]
  const format = asked.format ?? 'cbor'
  const path = endpoint.path.replace(/:(\w+)/g, (_, key: string) => asked.params?.[key] ?? '')
  const query = new URLSearchParams(
    Object.entries(asked.query ?? {}).map(([key, value]) => [key, String(value)]),
  )
  const body = asked.bytes ?? (asked.message && encodeMessage(asked.message, format))
  const response = await fetch(`${url}${path}?${query}`, {
    method: endpoint.method,
    headers: {
      accept: MEDIA_TYPES[format],
      ...(asked.token !== undefined && { authorization: `Bearer ${asked.token}` }),
      ...(asked.message && { 'content-type': MEDIA_TYPES[format] }),
      ...asked.headers,
    },
    ...(body && { body: body as Uint8Array<ArrayBuffer> }),
  })
  const bytes = await response.bytes()
  const answered = formatOf(response.headers.get('content-type') ?? undefined)
  const schema = response.ok ? endpoint.response : ProblemMessage
  const message =
    answered && typeof schema === 'object' ? decodeMessage(schema as TSchema, answered, bytes) : undefined
  return { status: response.status, headers: response.headers, message, bytes }
}

/** The answer of a request that succeeds; throws with the problem otherwise. */
export async function get<K extends EndpointName>(
  url: string,
  name: K,
  asked: Asked = {},
): Promise<AnswerOf<K>> {
  const { status, message } = await ask(url, name, asked)
  if (status !== 200) throw new Error(`${name} was answered with ${status} ${JSON.stringify(message)}`)
  return message as AnswerOf<K>
}

/** The status and code of a request that the server refuses. */
export async function refusal(url: string, name: EndpointName, asked: Asked = {}): Promise<string> {
  const { status, message } = await ask(url, name, asked)
  return `${status} ${(message as ProblemMessage | undefined)?.code}`
}

export interface Person {
  readonly url: string
  readonly name: string
  readonly password: string
  readonly account: AccountId
  readonly accountKey: SecretKey
  readonly identity: Identity
  readonly recoverySeed: SecretKey
  readonly device: DeviceKeys
  readonly writer: WriterId
  readonly token: string
  readonly accountZone: TestZone
  /** What signupFinish was sent. */
  readonly signup: object
}

export interface TestZone {
  readonly zone: ZoneId
  readonly state: ZoneState
  readonly keys: ZoneKeys
}

/** Signs up a new person. */
export async function signUp(url: string, name: string): Promise<Person> {
  const person = await newPerson(url, name)
  const session = await get(url, 'signupFinish', { message: person.signup })
  return { ...person, token: session.token }
}

/** A person who did everything but the last step of signing up. */
export async function newPerson(url: string, name: string): Promise<Person> {
  await ready
  const password = `password of ${name}`
  const account = randomId('account', random)
  const accountKey = randomKey(random)
  const identity = await createIdentity(nodeCrypto, random)
  const recoverySeed = randomKey(random)
  const device = createDevice(nodeCrypto, random)
  const writer = randomId('writer', random)
  const source = { source: 'derived', accountKey } as const
  const { entry, state, zoneKey } = await createGenesis(nodeCrypto, random, { account, identity }, source)
  const accountZone = { zone: state.zone, state, keys: deriveZoneKeys(nodeCrypto, zoneKey, state.zone, 1) }
  const person = {
    url,
    name,
    password,
    account,
    accountKey,
    identity,
    recoverySeed,
    device,
    writer,
    accountZone,
  }
  const signup = {
    account,
    name,
    registration: await register(url, 'signupStart', { name }, password),
    passwordWrap: random(60),
    phraseWrap: random(60),
    recoveryKey: nodeCrypto.ed25519PublicKey(recoverySeed.bytes()),
    certificate: certifyDevice(nodeCrypto, identity, { account, publicKey: device.publicKey }),
    genesis: entry,
    first: pushOf({ ...person, token: '', signup: {} }, accountZone, [{ id: randomId('record', random) }]),
  }
  return { ...person, token: '', signup }
}

/** The record of an OPAQUE registration of this password. */
export async function register(
  url: string,
  endpoint: 'signupStart' | 'passwordStart',
  asked: { readonly name?: string; readonly token?: string },
  password: string,
): Promise<string> {
  const { clientRegistrationState, registrationRequest } = client.startRegistration({ password })
  const { token, ...named } = asked
  const { registration } = await get(url, endpoint, {
    message: { ...named, registration: registrationRequest },
    ...(token !== undefined && { token }),
  })
  return client.finishRegistration({
    clientRegistrationState,
    registrationResponse: registration,
    password,
    keyStretching,
  }).registrationRecord
}

/** The answer to a login with this password; 'refused by the client' when the server's half does not fit it. */
export async function logIn(
  url: string,
  name: string,
  password: string,
): Promise<Answer | 'refused by the client'> {
  await ready
  const { clientLoginState, startLoginRequest } = client.startLogin({ password })
  const started = await get(url, 'loginStart', { message: { name, login: startLoginRequest } })
  const finished = client.finishLogin({
    clientLoginState,
    loginResponse: started.login,
    password,
    keyStretching,
  })
  if (!finished) return 'refused by the client'
  return ask(url, 'loginFinish', {
    message: { attempt: started.attempt, login: finished.finishLoginRequest },
  })
}

/** The answer to a login with a device key. */
export async function deviceLogIn(url: string, device: DeviceKeys): Promise<Answer> {
  const { nonce } = await get(url, 'challenge', { message: { device: device.id } })
  const signature = answerChallenge(nodeCrypto, device.seed, 'device login', device.id, nonce)
  return ask(url, 'deviceLogin', { message: { device: device.id, nonce, signature } })
}

/** A new zone of this person. */
export async function newZone(person: Person): Promise<TestZone> {
  const owner = { account: person.account, identity: person.identity }
  const { entry, state, zoneKey } = await createGenesis(nodeCrypto, random, owner, { source: 'sealed' })
  await get(person.url, 'createZone', { token: person.token, message: { genesis: entry } })
  return { zone: state.zone, state, keys: deriveZoneKeys(nodeCrypto, zoneKey, state.zone, 1) }
}

export interface Wanted {
  readonly id?: RecordId
  readonly vector?: VersionVector
  /** Chunk ids, the sealed content is made to fit. */
  readonly chunks?: readonly ChunkId[]
  readonly group?: number
  readonly name?: string
  /** Pushed as it is. */
  readonly sealed?: SealedRecord
}

/** A signed batch of these records. */
export function pushOf(
  person: Person,
  zone: TestZone,
  wanted: readonly Wanted[],
  seen: Figure = firstFigure(nodeCrypto, zone.zone, 1),
): PushRequest {
  const records = wanted.map((one) => ({
    record: message(one.sealed ?? sealOne(person, zone, one)),
    ...(one.group !== undefined && { group: one.group }),
  }))
  const header = {
    zone: zone.zone,
    batch: randomId('batch', random),
    writer: person.writer,
    logHead: logHead(zone.state),
    epoch: zone.keys.epoch,
    generation: 0,
    seen,
  }
  const leaves = records.map(({ record }) => leafOf(nodeCrypto, record))
  return { zone: zone.zone, batch: signBatch(nodeCrypto, person.device.seed, header, leaves), records }
}

function message({ facts, seal, refs }: SealedRecord) {
  return { facts, seal, refs: { depth: refs.depth, ids: [...refs.ids] } }
}

function sealOne(person: Person, zone: TestZone, wanted: Wanted): SealedRecord {
  const { id = randomId('record', random), vector = { [person.writer]: 1 }, chunks = [] } = wanted
  const refs: Refs = chunks.length > 0 ? { depth: 0, ids: chunks } : NO_REFS
  const body = bodyOf(person, chunks, wanted.name ?? 'a file')
  return sealRecord(nodeCrypto, random, zone.keys, { zone: zone.zone, id, vector, body }, refs)
}

function bodyOf(person: Person, chunks: readonly ChunkId[], name: string): RecordBody {
  const digest = idFromBytes('digest', random(32))
  const entries = chunks.map((id) => ({ id, key: digest, hash: digest, length: 10 }))
  return {
    kind: 'file',
    deleted: false,
    place: {
      parent: ROOT,
      name,
      former: null,
      stamp: { counter: 1, writer: person.writer },
      by: 'laptop',
      day: '2026-11-23',
    },
    content: {
      type: 'chunks',
      hash: digest,
      size: 10 * chunks.length,
      list: { depth: 0, entries },
      base: '',
      by: 'laptop',
    },
    attributes: { mtime: 0, executable: false },
    conflictOf: null,
  }
}

/** Chunks of random bytes. */
export function newChunks(count: number, bytes: number): StoredChunk[] {
  return Array.from({ length: count }, () => {
    const content = random(bytes)
    return { id: idFromBytes('chunk', nodeCrypto.sha256(content)), bytes: content }
  })
}

/** The pack of these chunks: its id and its bytes. */
export function packOf(chunks: readonly StoredChunk[]): { pack: PackId; bytes: Uint8Array } {
  return {
    pack: packId(
      nodeCrypto,
      chunks.map(({ id }) => id),
    ),
    bytes: new Uint8Array(Buffer.concat(encodePack(chunks))),
  }
}

/** The answer to storing a pack. */
export function putPack(
  person: Person,
  zone: ZoneId,
  { pack, bytes }: { readonly pack: PackId; readonly bytes: Uint8Array },
): Promise<Answer> {
  return ask(person.url, 'putPack', { token: person.token, params: { zone, pack }, bytes })
}
