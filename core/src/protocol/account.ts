/** Signing up, signing in, recovering, changing the password, devices. */
import { ACCOUNT_NAME_MAX_CHARACTERS } from '../limits.ts'
import { PushRequest } from './push.ts'
import { AccountIdText, bytes, Count, DeviceIdText, exact, type Static, Type, ZoneIdText } from './schema.ts'

/** Lowercase letters, digits, dot, dash and underscore; starts with a letter or digit. */
export const AccountName = Type.String({
  pattern: `^[a-z0-9][a-z0-9._-]{0,${ACCOUNT_NAME_MAX_CHARACTERS - 1}}$`,
})

/** An OPAQUE message (RFC 9807), as the library's base64url text. */
const OpaqueText = Type.String({ minLength: 1, maxLength: 4_096, pattern: '^[A-Za-z0-9_-]+$' })
const Wrap = bytes({ min: 32, max: 1_024 })
const PublicKey = bytes({ min: 32, max: 32 })
const Signature = bytes({ min: 64, max: 64 })
/** An opaque random token; the server keeps only its hash. */
const Token = Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' })

export const SignupStart = exact({ name: AccountName, registration: OpaqueText })
export const SignupStarted = exact({ registration: OpaqueText })

/**
 * Everything a new account needs, so that it exists whole or not at all. `genesis` is the account zone's
 * first log entry and `first` the batch with the identity record.
 */
export const SignupFinish = exact({
  account: AccountIdText,
  name: AccountName,
  registration: OpaqueText,
  passwordWrap: Wrap,
  phraseWrap: Wrap,
  recoveryKey: PublicKey,
  certificate: bytes({ max: 1_024 }),
  genesis: bytes({ max: 16_384 }),
  first: PushRequest,
})

/** An access token, and how long it lasts. */
export const Session = exact({
  token: Token,
  expiresInSeconds: Count,
  device: DeviceIdText,
  account: AccountIdText,
})

export const LoginStart = exact({ name: AccountName, login: OpaqueText })
export const LoginStarted = exact({ attempt: Token, login: OpaqueText })
export const LoginFinish = exact({ attempt: Token, login: OpaqueText })

/** Proof of the password or of the phrase: may read the account zone, add a device, set the password. */
export const Enrolment = exact({
  token: Token,
  expiresInSeconds: Count,
  account: AccountIdText,
  accountZone: ZoneIdText,
  /** The account key, wrapped for whoever just proved what opens it. */
  wrap: Wrap,
})

/** Asks for a session by device key: sign `challengeBytes(device, nonce)`. */
export const ChallengeRequest = exact({ device: DeviceIdText })
export const Challenge = exact({ nonce: bytes({ min: 32, max: 32 }) })
export const DeviceLogin = exact({
  device: DeviceIdText,
  nonce: bytes({ min: 32, max: 32 }),
  signature: Signature,
})

export const RecoveryStart = exact({ name: AccountName })
export const RecoveryProof = exact({
  name: AccountName,
  nonce: bytes({ min: 32, max: 32 }),
  signature: Signature,
})

export const PasswordStart = exact({ registration: OpaqueText })
export const PasswordStarted = exact({ registration: OpaqueText })
export const PasswordFinish = exact({ registration: OpaqueText, passwordWrap: Wrap })

export const AddDevice = exact({ certificate: bytes({ max: 1_024 }) })

export const DeviceInfo = exact({
  device: DeviceIdText,
  certificate: bytes({ max: 1_024 }),
  /** ISO 8601, UTC; the server's clock. */
  addedAt: Type.String(),
  lastSeenAt: Type.Union([Type.String(), Type.Null()]),
  removedAt: Type.Union([Type.String(), Type.Null()]),
})
export const DeviceList = exact({ devices: Type.Array(DeviceInfo) })

export const AccountInfo = exact({
  account: AccountIdText,
  name: AccountName,
  accountZone: ZoneIdText,
  zones: Type.Array(ZoneIdText),
  quotaBytes: Count,
  usedBytes: Count,
})

export const Done = exact({ done: Type.Literal(true) })

export type SignupStart = Static<typeof SignupStart>
export type SignupFinish = Static<typeof SignupFinish>
export type Session = Static<typeof Session>
export type Enrolment = Static<typeof Enrolment>
export type DeviceInfo = Static<typeof DeviceInfo>
export type AccountInfo = Static<typeof AccountInfo>
