/** Exchanges by `fetch`, which every platform has. */
import type { Answer, Exchange } from './exchange.ts'

/** The parts of `fetch` used here. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

export function webExchange(fetch: Fetch): Exchange {
  return async (url, { body, ...sent }) => {
    // A Blob keeps the parts apart and still tells the length, which the server reserves room by.
    const init = body === undefined ? {} : { body: new Blob(body as Uint8Array<ArrayBuffer>[]) }
    return answerOf(await fetch(url, { ...sent, ...init, redirect: 'error' }))
  }
}

function answerOf(response: Response): Answer {
  return {
    status: response.status,
    header: (name) => response.headers.get(name),
    body: pieces(response),
    // Fails when the body has failed already: nothing is left to free then.
    cancel: () => void response.body?.cancel().catch(() => undefined),
  }
}

async function* pieces({ body }: Response): AsyncGenerator<Uint8Array> {
  if (body === null) return
  const reader = body.getReader()
  try {
    while (true) {
      const { done, value } = await reader.read()
      if (done) return
      yield value
    }
  } finally {
    // Frees the connection when whoever reads stops early; does nothing at the end.
    reader.cancel().catch(() => undefined)
  }
}
