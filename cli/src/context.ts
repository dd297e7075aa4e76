/** What every command gets. */
import type { Home } from './home/home.ts'
import type { Output } from './terminal/output.ts'

export interface Context {
  readonly home: Home
  readonly out: Output
  /** Aborted by Ctrl-C and SIGTERM. */
  readonly signal: AbortSignal
  /** How keys are to be kept, when the person said so: --keys or PILEUS_KEYS. */
  readonly keys: KeyKeeping | undefined
  /** What to type before a command's own words to call pileus as it was called now. */
  readonly called: string
}

/** In a file only this user can read, or in one sealed under a passphrase. */
export type KeyKeeping = 'file' | 'passphrase'
