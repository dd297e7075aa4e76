/** Where a server is, and whether it is one. */
import { PROTOCOL } from '@pileus/core/protocol/endpoints'
import { type Exchange, readWhole, TooLong } from './exchange.ts'
import { Unreachable } from './remote.ts'

/** Of what a server says about itself. */
const ABOUT_MAX_BYTES = 65_536

/** A text that is not a server's address. */
export class BadServerAddress extends Error {
  constructor(text: string) {
    super(
      `cannot use ${JSON.stringify(text)} as a server: write its address with http:// or https://, ` +
        'for example http://localhost:3001',
    )
    this.name = 'BadServerAddress'
  }
}

/** The address without a trailing slash, query or fragment. Throws BadServerAddress. */
export function parseServer(text: string): string {
  let url: URL
  try {
    url = new URL(text.trim())
  } catch {
    throw new BadServerAddress(text)
  }
  const usable = ['http:', 'https:'].includes(url.protocol) && url.hostname !== ''
  if (!usable || url.username !== '' || url.password !== '') throw new BadServerAddress(text)
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '')
}

/** Makes sure that a Pileus server of this protocol answers there (SRV-9). Rejects with Unreachable. */
export async function checkServer(exchange: Exchange, server: string, signal?: AbortSignal): Promise<void> {
  let answer: unknown
  try {
    const headers = { accept: 'application/json' }
    const found = await exchange(`${server}/api/v1`, { method: 'GET', headers, ...(signal && { signal }) })
    answer = JSON.parse(new TextDecoder().decode(await readWhole(found, ABOUT_MAX_BYTES))) as unknown
  } catch (error) {
    signal?.throwIfAborted()
    if (error instanceof Unreachable) throw error
    if (error instanceof SyntaxError || error instanceof TooLong) throw notPileus(server, error)
    throw unreachable(server, error)
  }
  const isPileus =
    typeof answer === 'object' && answer !== null && 'product' in answer && answer.product === 'pileus'
  if (!isPileus) throw notPileus(server)
  const { protocol } = answer as { protocol?: unknown }
  if (protocol === PROTOCOL) return
  throw new Unreachable(
    `${server} speaks protocol ${JSON.stringify(protocol)?.slice(0, 20)} and this program ${PROTOCOL}: update the older of the two`,
  )
}

/** The answer came from something else. */
export function notPileus(server: string, cause?: unknown): Unreachable {
  return new Unreachable(
    `${server} answers, but it is not a Pileus server: check the address and the port`,
    cause,
  )
}

/** Says in one sentence why nothing came back, by the code of the network error below. */
export function unreachable(server: string, cause: unknown): Unreachable {
  return new Unreachable(`cannot reach ${server}: ${REASONS[networkCode(cause)] ?? OTHER_REASON}`, cause)
}

/** True when the request cannot have arrived: repeating it is safe whatever it does. */
export function neverSent(error: unknown): boolean {
  return (
    error instanceof Unreachable &&
    ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN'].includes(networkCode(error.cause))
  )
}

const OTHER_REASON = 'the connection failed; check the network and try again'
const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there; check that the server runs and that the port is right',
  ENOTFOUND: 'no such host; check the address',
  EAI_AGAIN: 'the name could not be looked up; check the network',
  ECONNRESET: 'the connection was cut; try again',
  UND_ERR_SOCKET: 'the connection was cut; try again',
  ETIMEDOUT: 'it did not answer in time; check the network',
  UND_ERR_CONNECT_TIMEOUT: 'it did not answer in time; check the network',
  UND_ERR_HEADERS_TIMEOUT: 'it did not answer in time; try again',
  UND_ERR_BODY_TIMEOUT: 'it stopped in the middle of its answer; try again',
  CERT_HAS_EXPIRED: 'its TLS certificate has expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its TLS certificate is not trusted',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its TLS certificate is for another name',
}

/** Platforms wrap the code in causes, and several addresses of one host in an AggregateError. */
function networkCode(error: unknown, depth = 0): string {
  if (!(error instanceof Error) || depth > 4) return ''
  if ('code' in error && typeof error.code === 'string' && error.code in REASONS) return error.code
  const inner: readonly unknown[] = error instanceof AggregateError ? error.errors : [error.cause]
  for (const each of inner) {
    const code = networkCode(each, depth + 1)
    if (code !== '') return code
  }
  return ''
}
