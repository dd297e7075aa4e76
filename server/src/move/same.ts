/** Equal in every byte, or not. */
import { isDeepStrictEqual } from 'node:util'
import { MoveStopped } from './stopped.ts'

/** Throws MoveStopped where the two are not the same. */
export function requireSame(here: unknown, there: unknown, what: string): void {
  if (isDeepStrictEqual(here, there)) return
  throw new MoveStopped(
    `${what} is not in the target as it is in the source: nothing is lost; empty the target and move again`,
  )
}
