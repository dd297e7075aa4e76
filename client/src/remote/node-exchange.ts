/**
 * Exchanges by node:http. What lies in memory goes to the socket as it is, and what arrives is freed as soon as it was
 * read; Node's `fetch` copies a body twice each way. Measured, it took two to four times the processor time.
 */
import type { ClientRequest, IncomingMessage } from 'node:http'
import { free } from '@pileus/core/bytes/free'
import type { Answer, Exchange } from './exchange.ts'

/** Not imported: an import reads everything the module has, and so loads all of `fetch`, 40 ms at every start. */
const http = process.getBuiltinModule('node:http')

/** Without a byte either way for this long a connection is given up; as long as `fetch` waits for an answer. */
const SILENCE_MS = 300_000

/** Over the process's own connections, which are kept for the next request. */
export const nodeExchange: Exchange = (url, { method, headers, body, signal }) =>
  new Promise((resolve, reject) => {
    const { request: make } = url.startsWith('https:') ? process.getBuiltinModule('node:https') : http
    const length = body?.reduce((sum, part) => sum + part.length, 0)
    const request = make(url, {
      method,
      headers: { ...headers, ...(length !== undefined && { 'content-length': length }) },
      timeout: SILENCE_MS,
      ...(signal && { signal }),
    })
    request.on('response', (answer) => resolve(answerOf(answer)))
    // After an answer this tells nothing new: whoever reads the answer learns that it broke off.
    request.on('error', reject)
    request.on('timeout', () => giveUp(request))
    for (const part of body ?? []) request.write(part)
    request.end()
  })

function giveUp(request: ClientRequest): void {
  request.destroy(Object.assign(new Error('nothing came or went for too long'), { code: 'ETIMEDOUT' }))
}

function answerOf(answer: IncomingMessage): Answer {
  return {
    status: answer.statusCode!,
    header: (name) => answer.headersDistinct[name]?.join(', ') ?? null,
    body: pieces(answer),
    cancel: () => void answer.destroy(),
  }
}

async function* pieces(answer: IncomingMessage): AsyncGenerator<Uint8Array> {
  for await (const piece of answer as AsyncIterable<Uint8Array>) {
    yield piece
    free(piece)
  }
}
