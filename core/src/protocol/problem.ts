/** Errors on the wire: problem details (RFC 9457) with a stable code. */
import { exact, type Static, Type } from './schema.ts'

/** Every code the server answers with, its HTTP status and its one-line title. */
export const PROBLEMS = {
  'malformed-request': [400, 'The request is not what this endpoint takes'],
  'not-signed-in': [401, 'The session is missing, expired or ended'],
  'wrong-credentials': [401, 'The name or the password is wrong'],
  'device-removed': [401, 'This device was removed from the account'],
  'not-allowed': [403, 'This session may not do that'],
  'not-found': [404, 'There is nothing here that this session may see'],
  'name-taken': [409, 'The account name is taken'],
  'batch-reused': [409, 'This batch id was used for other bytes'],
  'log-moved': [409, 'The zone log has moved on'],
  'cursor-unknown': [410, 'The server does not know this cursor: read the zone again from its start'],
  'body-too-large': [413, 'The request body is larger than this endpoint takes'],
  'unsupported-media-type': [415, 'The body must be application/cbor or application/json'],
  'chunk-corrupt': [422, 'A chunk does not match its id'],
  'seal-refused': [422, 'A record or batch is not well formed'],
  'too-many-requests': [429, 'Too many attempts'],
  'damaged-storage': [500, 'Stored bytes are damaged'],
  internal: [500, 'The server failed'],
  'quota-exceeded': [507, 'The account has no room left'],
  'storage-full': [507, 'The server has no room left'],
  'shutting-down': [503, 'The server is stopping'],
  moving: [503, "The server's data is being moved: it can be read, not changed"],
} as const satisfies Record<string, readonly [number, string]>

export type ProblemCode = keyof typeof PROBLEMS

export const ProblemMessage = exact({
  type: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  code: Type.String(),
  detail: Type.Optional(Type.String()),
  /** Ids that the problem is about, where it is about some. */
  ids: Type.Optional(Type.Array(Type.String())),
})
export type ProblemMessage = Static<typeof ProblemMessage>

/** A request the server refuses. The message never holds a secret. */
export class Problem extends Error {
  readonly code: ProblemCode
  readonly ids: readonly string[]
  readonly retryAfterSeconds: number | undefined
  constructor(
    code: ProblemCode,
    detail: string,
    options: { ids?: readonly string[]; retryAfterSeconds?: number } = {},
  ) {
    super(detail)
    this.name = 'Problem'
    this.code = code
    this.ids = options.ids ?? []
    this.retryAfterSeconds = options.retryAfterSeconds
  }
  get status(): number {
    return PROBLEMS[this.code][0]
  }
}
