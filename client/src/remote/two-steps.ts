/** Proofs in two steps: the server gives something to answer, and takes one answer to it. */
import { Problem } from '@pileus/core/protocol/problem'
import { Unreachable } from './remote.ts'

/** Proofs begun in all. Between them the first step waits for a server that starts again, as every call does. */
const ATTEMPTS = 3

/**
 * Begins, and finishes what was begun. What was begun is used up by the first answer that arrives, and forgotten by a
 * server that starts again: so after a lost answer, and after so many refusals, all of it is begun anew. Failures of
 * `begin` are final.
 */
export async function inTwoSteps<B, T>(
  begin: () => Promise<B>,
  finish: (begun: B) => Promise<T>,
  refusalsDoubted = 1,
): Promise<T> {
  let refusals = 0
  for (let attempt = 1; ; attempt++) {
    const begun = await begin()
    try {
      return await finish(begun)
    } catch (error) {
      const isRefusal = error instanceof Problem && error.code === 'wrong-credentials'
      const mayHelp = isRefusal ? ++refusals <= refusalsDoubted : isLost(error)
      if (!mayHelp || attempt === ATTEMPTS) throw error
    }
  }
}

function isLost(error: unknown): boolean {
  return error instanceof Unreachable || (error instanceof Problem && error.code === 'internal')
}
