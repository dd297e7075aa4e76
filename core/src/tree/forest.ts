/** Records as the tree sees them: looked up, never all at once. */
import type { RecordId } from '../ids/ids.ts'
import type { Place } from '../records/record.ts'

export interface TreeNode {
  readonly id: RecordId
  readonly kind: 'file' | 'folder' | 'link'
  readonly deleted: boolean
  readonly place: Place
  /** Equal for files of equal content, and for links of equal target; '' for folders. */
  readonly sameness: string
}

export interface Nodes {
  node(id: RecordId): TreeNode | undefined
}

export interface Forest extends Nodes {
  /** Every record whose place names this parent, tombstones included. */
  children(parent: RecordId): Iterable<RecordId>
  /** Those of them whose name has this key (see `nameKey`). */
  namesakes(parent: RecordId, key: string): Iterable<RecordId>
  /** Nodes that cannot stand where their place says, and where they stand instead (see `redirects.ts`). */
  readonly redirects: ReadonlyMap<RecordId, RecordId>
  readonly caseInsensitive: boolean
}
