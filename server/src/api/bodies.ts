/** Request bodies: bounded, and read only when the endpoint takes one. */
import type { IncomingMessage } from 'node:http'
import { free } from '@pileus/core/bytes/free'
import { decodeMessage, type Format, formatOf } from '@pileus/core/protocol/codec'
import type { Endpoint } from '@pileus/core/protocol/endpoints'
import { Problem } from '@pileus/core/protocol/problem'

/** The decoded message, the stream of a pack, or undefined. Throws Problem. */
export async function readBody(endpoint: Endpoint, request: IncomingMessage): Promise<unknown> {
  const { request: schema, maxBodyBytes } = endpoint
  if (schema === undefined) return undefined
  requireDeclared(request, maxBodyBytes)
  if (schema === 'pack') return released(bounded(request, maxBodyBytes))
  const format = formatOf(request.headers['content-type'])
  if (!format) {
    throw new Problem(
      'unsupported-media-type',
      `this endpoint takes application/cbor or application/json, not ${quoted(request.headers['content-type'])}`,
    )
  }
  // base64url makes a JSON body a third longer than what it stands for.
  const limit = format === 'json' ? Math.ceil((maxBodyBytes * 4) / 3) : maxBodyBytes
  return decodeMessage(schema, format, await whole(request, limit))
}

/** Bytes of a refused body that are still read. */
const DISCARD_MAX_BYTES = 32 * 1_048_576

/**
 * Reads what is left of a refused body and forgets it: a sender that is still writing would not see the answer.
 * One that does not end is cut off.
 */
export function discardBody(request: IncomingMessage): void {
  if (request.complete || request.destroyed) return
  let left = DISCARD_MAX_BYTES
  request.on('data', (part: Uint8Array) => {
    left -= part.length
    if (left < 0) request.destroy()
  })
  request.on('error', () => undefined)
}

/** What to answer in: as asked, else as the request was written, else JSON. */
export function answerFormat(accepted: Format | undefined, request: IncomingMessage): Format {
  return accepted ?? formatOf(request.headers['content-type']) ?? 'json'
}

function requireDeclared(request: IncomingMessage, limit: number): void {
  const declared = Number(request.headers['content-length'] ?? 0)
  if (declared > Math.ceil((limit * 4) / 3)) throw tooLarge(limit)
}

async function whole(request: IncomingMessage, limit: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for await (const part of bounded(request, limit)) parts.push(part)
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
}

async function* bounded(request: IncomingMessage, limit: number): AsyncGenerator<Uint8Array> {
  let bytes = 0
  try {
    for await (const part of piecesOf(request)) {
      bytes += part.length
      if (bytes > limit) throw tooLarge(limit)
      yield part
    }
  } catch (error) {
    if (error instanceof Problem || !request.destroyed || request.complete) throw error
    // Networks go away: that is the sender's end of it, and no failure of this server.
    throw new Problem('malformed-request', 'the connection ended before the body did')
  }
}

/** Frees each piece when the next is asked for. */
async function* released(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) {
    yield piece
    free(piece)
  }
}

/** The stream's pieces. Unlike the stream's own iterator, leaving early does not cut the connection. */
function piecesOf(request: IncomingMessage): AsyncIterable<Uint8Array> {
  return { [Symbol.asyncIterator]: () => request.iterator({ destroyOnReturn: false }) }
}

function tooLarge(limit: number): Problem {
  return new Problem('body-too-large', `this endpoint takes at most ${limit} bytes`)
}

function quoted(type: string | undefined): string {
  return type === undefined ? 'nothing' : JSON.stringify(type.slice(0, 100))
}
