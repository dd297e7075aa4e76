/** Failures as problem details (RFC 9457). */
import { PROBLEMS, Problem, type ProblemMessage } from '@pileus/core/protocol/problem'
import { isCircuitOpen } from '../blobs/guarded.ts'
import { EngineUnreachable } from '../engine-errors.ts'

const OPEN_CIRCUIT_SECONDS = 30
const UNREACHABLE_SECONDS = 5
/** Ids that one problem names at most: with them it stays small whatever was asked. */
const IDS_MAX = 4_096

/** The problem a failure is answered with. What is no Problem tells nothing about itself. */
export function problemOf(error: unknown, requestId: string): Problem {
  if (error instanceof Problem) return error
  if (isCircuitOpen(error)) {
    return new Problem('internal', 'the storage does not answer: try again later', {
      retryAfterSeconds: OPEN_CIRCUIT_SECONDS,
    })
  }
  if (error instanceof EngineUnreachable) {
    return new Problem('internal', 'a part of the server does not answer: try again in a moment', {
      retryAfterSeconds: UNREACHABLE_SECONDS,
    })
  }
  return new Problem('internal', `the server failed at request ${requestId}: its log says why`)
}

/** The message of a problem. */
export function problemMessage(problem: Problem): ProblemMessage {
  const [status, title] = PROBLEMS[problem.code]
  return {
    type: `https://pileus.invalid/problems/${problem.code}`,
    title,
    status,
    code: problem.code,
    detail: problem.message,
    ...(problem.ids.length > 0 && { ids: problem.ids.slice(0, IDS_MAX) }),
  }
}

/** Headers that belong to it. */
export function problemHeaders(problem: Problem): Record<string, string> {
  return {
    ...(problem.retryAfterSeconds !== undefined && { 'retry-after': String(problem.retryAfterSeconds) }),
    ...(problem.status === 401 && { 'www-authenticate': 'Bearer' }),
    'cache-control': 'no-store',
  }
}
