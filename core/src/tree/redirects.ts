/**
 * Places that cannot hold (R3, R6): orphans stand at the root; in a cycle the node with the latest stamp goes
 * back to its former parent if that is live and outside of every cycle, else to the root. Each answer depends
 * on the stored places alone, so every device gives the same, whatever order the records came in.
 */
import { type RecordId, ROOT } from '../ids/ids.ts'
import type { Nodes, TreeNode } from './forest.ts'
import { comparePlaced } from './stamp.ts'

/** Where this node stands instead of its stored parent, or null when that holds. */
export function redirectOf(nodes: Nodes, id: RecordId): RecordId | null {
  const node = nodes.node(id)
  if (!node || node.place.parent === ROOT) return null
  if (!isFolder(nodes, node.place.parent)) return ROOT
  const cycle = cycleThrough(nodes, node)
  if (!cycle) return null
  const latest = cycle.reduce((a, b) => (comparePlaced(a, b) > 0 ? a : b))
  if (latest.id !== id) return null
  const former = node.place.former
  if (former === null || former === ROOT) return ROOT
  const formerNode = nodes.node(former)
  const usable = formerNode?.kind === 'folder' && !formerNode.deleted && reachesTop(nodes, former)
  return usable ? former : ROOT
}

/**
 * Brings the redirects up to date after these records changed (or came to be known). Only what was redirected
 * before, what changed, and what stands in a cycle with it can differ.
 */
export function updateRedirects(
  nodes: Nodes,
  redirects: Map<RecordId, RecordId>,
  changed: Iterable<RecordId>,
): RecordId[] {
  const candidates = new Set(redirects.keys())
  for (const id of changed) {
    candidates.add(id)
    const node = nodes.node(id)
    if (node?.kind === 'folder')
      for (const member of cycleThrough(nodes, node) ?? []) candidates.add(member.id)
  }
  const moved: RecordId[] = []
  for (const id of candidates) {
    const next = redirectOf(nodes, id)
    if (next === (redirects.get(id) ?? null)) continue
    moved.push(id)
    if (next === null) redirects.delete(id)
    else redirects.set(id, next)
  }
  return moved
}

function isFolder(nodes: Nodes, id: RecordId): boolean {
  return nodes.node(id)?.kind === 'folder'
}

/** The nodes of the cycle that `start` is part of, or null. */
function cycleThrough(nodes: Nodes, start: TreeNode): TreeNode[] | null {
  const path = [start]
  const seen = new Set([start.id])
  let at = start
  for (;;) {
    const parent = at.place.parent
    if (parent === start.id) return path
    const next = parent === ROOT ? undefined : nodes.node(parent)
    // A node seen before is a cycle further up, of which `start` is no part.
    if (next?.kind !== 'folder' || seen.has(next.id)) return null
    seen.add(next.id)
    path.push(next)
    at = next
  }
}

/** Whether stored parents lead from here to the root or to an orphan, and into no cycle. */
function reachesTop(nodes: Nodes, from: RecordId): boolean {
  const seen = new Set<RecordId>()
  let at = from
  while (at !== ROOT) {
    if (seen.has(at)) return false
    seen.add(at)
    const node = nodes.node(at)
    if (node?.kind !== 'folder') return true
    at = node.place.parent
  }
  return true
}
