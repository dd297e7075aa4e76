/** One HTTP request and its answer: what the calls stand on, and what each platform does its own way. */

export interface Sent {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  /** The parts of the body, one after another; its length is told beforehand. They may change once an answer came. */
  readonly body?: readonly Uint8Array[]
  readonly signal?: AbortSignal
}

export interface Answer {
  readonly status: number
  header(name: string): string | null
  /** To be read once, or cancelled. A piece is the reader's until it asks for the next: its memory may be used again. */
  readonly body: AsyncIterable<Uint8Array>
  /** Frees the connection of a body that nobody reads. */
  cancel(): void
}

/**
 * Resolves when the head of the answer is there. Rejects with what the platform throws when the network fails or
 * the signal is aborted; so does the body. Follows no redirect.
 */
export type Exchange = (url: string, sent: Sent) => Promise<Answer>

/** An answer with more bytes than any of its kind has. */
export class TooLong extends Error {}

/** The whole body. Rejects with TooLong, and as the body does. */
export async function readWhole(answer: Answer, maxBytes: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of answer.body) {
    length += part.length
    if (length > maxBytes) throw new TooLong()
    // A copy: the part's memory may be used again.
    parts.push(new Uint8Array(part))
  }
  if (parts.length === 1) return parts[0]!
  const whole = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
