/** The one answer for what is not there and for what the caller may not see (SRV-5). */
import { Problem } from '@pileus/core/protocol/problem'

export function notFound(ids: readonly string[] = []): Problem {
  return new Problem('not-found', 'there is nothing here that this session may see', { ids })
}
