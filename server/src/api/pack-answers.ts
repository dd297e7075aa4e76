/** Sending a pack: its pieces lie in memory that is used again, so each is with the system before the next is read. */
import type { ServerResponse } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { PackAnswer } from '../rules/call.ts'

export const OCTETS = 'application/octet-stream'

/** Takes the answer over from Fastify, whose streams read on while earlier pieces wait. A failure cuts it. */
export function sendPack({ bytes, pieces }: PackAnswer, request: FastifyRequest, reply: FastifyReply): void {
  const { raw } = reply.type(OCTETS).header('content-length', bytes).hijack()
  for (const [name, value] of Object.entries(reply.getHeaders()))
    if (value !== undefined) raw.setHeader(name, value)
  sendAll(raw, pieces).catch((error: unknown) => {
    raw.destroy()
    if (error instanceof ReceiverGone)
      request.log.info({ err: error }, 'whoever asked went away before the end of the answer')
    else request.log.warn({ err: error }, 'the answer was cut')
  })
}

/** Nobody receives the answer any more. */
class ReceiverGone extends Error {}

async function sendAll(response: ServerResponse, pieces: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const piece of pieces) await write(response, piece)
  response.end()
}

/** Resolves when the piece's memory is free again; rejects when nobody receives it any more. */
function write(response: ServerResponse, piece: Uint8Array): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const closed = () => reject(new ReceiverGone('the connection was closed'))
  response.once('close', closed)
  response.write(piece, (error) => {
    response.off('close', closed)
    if (error) reject(new ReceiverGone('the connection broke', { cause: error }))
    else resolve()
  })
  return promise
}
