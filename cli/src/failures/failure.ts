import type { Exit } from './exit-codes.ts'

/** Something a person can be told in one sentence: what failed, why, and what to do. */
export class Failure extends Error {
  /** Stable, for scripts: a word with dashes. */
  readonly code: string
  readonly exit: Exit
  constructor(exit: Exit, code: string, message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'Failure'
    this.code = code
    this.exit = exit
  }
}
