/** A move that cannot go on; the message is one sentence for the operator. */
export class MoveStopped extends Error {
  constructor(sentence: string, cause?: unknown) {
    super(sentence, { cause })
    this.name = 'MoveStopped'
  }
}
