/**
 * The protocol as one table. The server mounts it, the client calls it, the OpenAPI description is made
 * from it: an endpoint that is not here does not exist.
 */
import { BATCH_MAX_BYTES, CBOR_MAX_BYTES, PACK_MAX_BYTES } from '../limits.ts'
import * as account from './account.ts'
import * as changes from './changes.ts'
import * as chunks from './chunks.ts'
import * as push from './push.ts'
import {
  BatchIdText,
  ChunkIdText,
  DeviceIdText,
  DigestText,
  exact,
  PackIdText,
  RecordIdText,
  type TSchema,
  Type,
  ZoneIdText,
} from './schema.ts'
import * as zone from './zone.ts'

const KiB = 1024

/** The version of all of this: a client refuses another one (SRV-9). */
export const PROTOCOL = 1

/** Who may call: anybody, a proof of password or phrase, or a device's session (which may do both). */
export type Audience = 'anyone' | 'enrolment' | 'device'

export interface Endpoint {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** With :parameters, each named in `params`. */
  readonly path: string
  readonly summary: string
  readonly audience: Audience
  readonly params?: TSchema
  readonly query?: TSchema
  readonly headers?: TSchema
  /** A schema for messages, 'pack' for a stream of chunks. */
  readonly request?: TSchema | 'pack'
  /** 'live': the connection becomes a WebSocket with messages of live.ts. */
  readonly response: TSchema | 'pack' | 'chunk' | 'live'
  readonly maxBodyBytes: number
}

const inZone = exact({ zone: ZoneIdText })
const QueryCount = Type.String({ pattern: '^[0-9]{1,16}$' })

export const ENDPOINTS = {
  signupStart: {
    method: 'POST',
    path: '/api/v1/accounts/signup/start',
    summary: 'Begin an OPAQUE registration for a new name',
    audience: 'anyone',
    request: account.SignupStart,
    response: account.SignupStarted,
    maxBodyBytes: 8 * KiB,
  },
  signupFinish: {
    method: 'POST',
    path: '/api/v1/accounts/signup/finish',
    summary: 'Create the account with its account zone and first device',
    audience: 'anyone',
    request: account.SignupFinish,
    response: account.Session,
    maxBodyBytes: 256 * KiB,
  },
  loginStart: {
    method: 'POST',
    path: '/api/v1/sessions/login/start',
    summary: 'Begin an OPAQUE login',
    audience: 'anyone',
    request: account.LoginStart,
    response: account.LoginStarted,
    maxBodyBytes: 8 * KiB,
  },
  loginFinish: {
    method: 'POST',
    path: '/api/v1/sessions/login/finish',
    summary: 'Finish an OPAQUE login',
    audience: 'anyone',
    request: account.LoginFinish,
    response: account.Enrolment,
    maxBodyBytes: 8 * KiB,
  },
  challenge: {
    method: 'POST',
    path: '/api/v1/sessions/device/challenge',
    summary: 'Ask for a nonce to sign with the device key',
    audience: 'anyone',
    request: account.ChallengeRequest,
    response: account.Challenge,
    maxBodyBytes: 8 * KiB,
  },
  deviceLogin: {
    method: 'POST',
    path: '/api/v1/sessions/device',
    summary: 'Open a session with the device key',
    audience: 'anyone',
    request: account.DeviceLogin,
    response: account.Session,
    maxBodyBytes: 8 * KiB,
  },
  logout: {
    method: 'DELETE',
    path: '/api/v1/sessions/current',
    summary: 'End this session',
    audience: 'device',
    response: account.Done,
    maxBodyBytes: 0,
  },
  recoveryStart: {
    method: 'POST',
    path: '/api/v1/accounts/recovery/start',
    summary: 'Ask for a nonce to sign with the recovery key',
    audience: 'anyone',
    request: account.RecoveryStart,
    response: account.Challenge,
    maxBodyBytes: 8 * KiB,
  },
  recoveryProof: {
    method: 'POST',
    path: '/api/v1/accounts/recovery/proof',
    summary: 'Prove the recovery phrase',
    audience: 'anyone',
    request: account.RecoveryProof,
    response: account.Enrolment,
    maxBodyBytes: 8 * KiB,
  },
  passwordStart: {
    method: 'POST',
    path: '/api/v1/account/password/start',
    summary: 'Begin an OPAQUE registration of a new password',
    audience: 'enrolment',
    request: account.PasswordStart,
    response: account.PasswordStarted,
    maxBodyBytes: 8 * KiB,
  },
  passwordFinish: {
    method: 'POST',
    path: '/api/v1/account/password/finish',
    summary: 'Set the new password; the old wrap dies',
    audience: 'enrolment',
    request: account.PasswordFinish,
    response: account.Done,
    maxBodyBytes: 16 * KiB,
  },
  account: {
    method: 'GET',
    path: '/api/v1/account',
    summary: 'The account, its zones and its room',
    audience: 'device',
    response: account.AccountInfo,
    maxBodyBytes: 0,
  },
  addDevice: {
    method: 'POST',
    path: '/api/v1/devices',
    summary: 'Add a device certified by the account',
    audience: 'enrolment',
    request: account.AddDevice,
    response: account.Session,
    maxBodyBytes: 8 * KiB,
  },
  devices: {
    method: 'GET',
    path: '/api/v1/devices',
    summary: 'Every device of the account',
    audience: 'device',
    response: account.DeviceList,
    maxBodyBytes: 0,
  },
  removeDevice: {
    method: 'DELETE',
    path: '/api/v1/devices/:device',
    summary: 'Remove a device and end its sessions',
    audience: 'device',
    params: exact({ device: DeviceIdText }),
    response: account.Done,
    maxBodyBytes: 0,
  },
  createZone: {
    method: 'POST',
    path: '/api/v1/zones',
    summary: 'Create a zone from its signed first log entry',
    audience: 'device',
    request: zone.CreateZone,
    response: zone.ZoneHead,
    maxBodyBytes: 64 * KiB,
  },
  zone: {
    method: 'GET',
    path: '/api/v1/zones/:zone',
    summary: 'Where a zone stands',
    audience: 'enrolment',
    params: inZone,
    response: zone.ZoneHead,
    maxBodyBytes: 0,
  },
  log: {
    method: 'GET',
    path: '/api/v1/zones/:zone/log',
    summary: 'Entries of the zone log, from the given index',
    audience: 'enrolment',
    params: inZone,
    query: exact({ from: Type.Optional(QueryCount) }),
    response: zone.ZoneLog,
    maxBodyBytes: 0,
  },
  appendLog: {
    method: 'POST',
    path: '/api/v1/zones/:zone/log',
    summary: 'Append a signed entry to the zone log',
    audience: 'device',
    params: inZone,
    request: zone.AppendLog,
    response: zone.ZoneHead,
    maxBodyBytes: 128 * KiB,
  },
  writers: {
    method: 'GET',
    path: '/api/v1/zones/:zone/writers',
    summary: 'Certificates of the devices that write to the zone',
    audience: 'enrolment',
    params: inZone,
    response: zone.ZoneWriters,
    maxBodyBytes: 0,
  },
  changes: {
    method: 'GET',
    path: '/api/v1/zones/:zone/changes',
    summary: 'What changed after a cursor',
    audience: 'enrolment',
    params: inZone,
    query: exact({
      incarnation: Type.Optional(QueryCount),
      after: Type.Optional(QueryCount),
      chain: Type.Optional(DigestText),
      limit: Type.Optional(QueryCount),
    }),
    response: changes.ChangesPage,
    maxBodyBytes: 0,
  },
  history: {
    method: 'GET',
    path: '/api/v1/zones/:zone/records/:record/history',
    summary: 'Versions of a record, newest first',
    audience: 'device',
    params: exact({ zone: ZoneIdText, record: RecordIdText }),
    query: exact({ before: Type.Optional(QueryCount) }),
    response: changes.HistoryPage,
    maxBodyBytes: 0,
  },
  steps: {
    method: 'GET',
    path: '/api/v1/zones/:zone/steps',
    summary: 'Which version took the place of which, commit by commit',
    audience: 'enrolment',
    params: inZone,
    query: exact({ incarnation: QueryCount, after: QueryCount, to: QueryCount }),
    response: changes.StepsPage,
    maxBodyBytes: 0,
  },
  live: {
    method: 'GET',
    path: '/api/v1/zones/:zone/live',
    summary: 'Hear of every commit as it happens, over a WebSocket',
    audience: 'device',
    params: inZone,
    response: 'live',
    maxBodyBytes: 0,
  },
  push: {
    method: 'POST',
    path: '/api/v1/sync/push',
    summary: 'Append a signed batch of records',
    audience: 'device',
    headers: Type.Object({ 'idempotency-key': Type.Optional(BatchIdText) }),
    request: push.PushRequest,
    response: push.PushResponse,
    maxBodyBytes: 2 * BATCH_MAX_BYTES,
  },
  missing: {
    method: 'POST',
    path: '/api/v1/zones/:zone/chunks/missing',
    summary: 'Which of these chunks the zone lacks',
    audience: 'device',
    params: inZone,
    request: chunks.MissingRequest,
    response: chunks.MissingResponse,
    maxBodyBytes: 512 * KiB,
  },
  putPack: {
    method: 'PUT',
    path: '/api/v1/zones/:zone/packs/:pack',
    summary: 'Store a pack of chunks',
    audience: 'device',
    params: exact({ zone: ZoneIdText, pack: PackIdText }),
    request: 'pack',
    response: chunks.PackStored,
    maxBodyBytes: PACK_MAX_BYTES,
  },
  fetch: {
    method: 'POST',
    path: '/api/v1/zones/:zone/chunks/fetch',
    summary: 'Read many chunks',
    audience: 'device',
    params: inZone,
    request: chunks.FetchRequest,
    response: 'pack',
    maxBodyBytes: 512 * KiB,
  },
  directReads: {
    method: 'POST',
    path: '/api/v1/zones/:zone/chunks/direct',
    summary: 'Where chunks can be read without this server, for a few minutes',
    audience: 'device',
    params: inZone,
    request: chunks.FetchRequest,
    response: chunks.DirectReads,
    maxBodyBytes: 512 * KiB,
  },
  chunk: {
    method: 'GET',
    path: '/api/v1/zones/:zone/chunks/:chunk',
    summary: 'Read one chunk, whole or a range',
    audience: 'device',
    params: exact({ zone: ZoneIdText, chunk: ChunkIdText }),
    response: 'chunk',
    maxBodyBytes: 0,
  },
} as const satisfies Record<string, Endpoint>

export type EndpointName = keyof typeof ENDPOINTS

/** No message is larger than what bounded CBOR will read. */
export const MESSAGE_MAX_BYTES = CBOR_MAX_BYTES
