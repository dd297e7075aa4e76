/**
 * The clear half of a record: which chunks it holds, ids only, so that the server can collect garbage
 * without learning anything else. A long list is itself a content-addressed list of ids.
 */
import type { ChunkId } from '../ids/ids.ts'

/** At depth 0 the ids name chunks; at depth n they name clear list nodes of depth n - 1. */
export interface Refs {
  readonly depth: number
  readonly ids: readonly ChunkId[]
}

export const NO_REFS: Refs = { depth: 0, ids: [] }
