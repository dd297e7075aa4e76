/** Exchanges that end: whoever does not answer, or stops in the middle of an answer, is given up after a while. */
import type { Answer, Exchange } from './exchange.ts'
import type { Patience } from './patience.ts'

/** The same exchanges, and each wait of theirs ends with TimedOut when there is no patience left. */
export function patientExchange(exchange: Exchange, patience: Patience): Exchange {
  return async (url, sent) => {
    const { origin } = new URL(url)
    const ended = new AbortController()
    const cut = () => ended.abort()
    const signal = sent.signal ? AbortSignal.any([sent.signal, ended.signal]) : ended.signal
    const bytes = (sent.body ?? []).reduce((sum, part) => sum + part.length, 0)
    const ask = () => exchange(url, { ...sent, signal })
    const answer = await patience.forAnswer(origin, bytes, cut, ask)
    return { ...answer, body: piecesOf(answer, (read) => patience.forPiece(origin, cut, read)) }
  }
}

async function* piecesOf(
  { body }: Answer,
  wait: <T>(read: () => Promise<T>) => Promise<T>,
): AsyncGenerator<Uint8Array> {
  const pieces = body[Symbol.asyncIterator]()
  try {
    for (;;) {
      const { done, value } = await wait(() => pieces.next())
      if (done) return
      yield value
    }
  } finally {
    // Frees the connection when whoever reads stops early; does nothing at the end.
    await pieces.return?.()
  }
}
