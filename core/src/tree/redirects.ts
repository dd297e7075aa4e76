/**
 * Places that cannot hold (R3, R6): orphans stand at the root; in a cycle the node with the latest stamp goes
 * back to its former parent if that is live and outside of every cycle, else to the root. Each answer depends
 * on the stored places alone, so every device gives the same, whatever order the records came in.
 */
import { type RecordId, ROOT } from '../ids/ids.ts'
import type { Nodes, TreeNode } from './forest.ts'
import { comparePlaced } from './stamp.ts'

/** Where this node stands instead of its stored parent, or null when that holds (TREE-4, TREE-5). */
export function redirectOf(nodes: Nodes, id: RecordId): RecordId | null {
  return new Places(nodes).redirectOf(id)
}

/**
 * Brings the redirects up to date after these records changed (or came to be known) and returns whose redirect
 * is another now (TREE-6). Only what was redirected before, what changed, and what stands in a cycle with it can
 * differ. Records do not become unknown again.
 */
export function updateRedirects(
  nodes: Nodes,
  redirects: Map<RecordId, RecordId>,
  changed: Iterable<RecordId>,
): RecordId[] {
  const places = new Places(nodes)
  const candidates = new Set(redirects.keys())
  for (const id of changed) {
    candidates.add(id)
    const latest = places.latestInCycle(id)
    if (latest) candidates.add(latest.id)
  }
  const moved: RecordId[] = []
  for (const id of candidates) {
    const next = places.redirectOf(id)
    if (next === (redirects.get(id) ?? null)) continue
    moved.push(id)
    if (next === null) redirects.delete(id)
    else redirects.set(id, next)
  }
  return moved
}

/**
 * Where the stored parents of a folder lead: to the root or an orphan; into a cycle it is no part of; or back to
 * itself.
 */
type Lead = { readonly to: 'top' | 'cycle' } | { readonly to: 'itself'; readonly latest: TreeNode }

const TOP: Lead = { to: 'top' }
const CYCLE: Lead = { to: 'cycle' }

/** Stored places, each way up walked once however many nodes it leads from. */
class Places {
  readonly #nodes: Nodes
  readonly #leads = new Map<RecordId, Lead>()

  constructor(nodes: Nodes) {
    this.#nodes = nodes
  }

  redirectOf(id: RecordId): RecordId | null {
    const node = this.#nodes.node(id)
    if (!node || node.place.parent === ROOT) return null
    if (!this.#folder(node.place.parent)) return ROOT
    if (this.latestInCycle(id)?.id !== id) return null
    const { former } = node.place
    const usable = former !== null && former !== ROOT && this.#folder(former)
    return usable && !usable.deleted && this.#lead(usable).to === 'top' ? usable.id : ROOT
  }

  /** The node with the latest stamp of the cycle that this one stands in. */
  latestInCycle(id: RecordId): TreeNode | undefined {
    const folder = this.#folder(id)
    const lead = folder && this.#lead(folder)
    return lead?.to === 'itself' ? lead.latest : undefined
  }

  #folder(id: RecordId): TreeNode | undefined {
    const node = this.#nodes.node(id)
    return node?.kind === 'folder' ? node : undefined
  }

  #lead(start: TreeNode): Lead {
    const path: TreeNode[] = []
    const steps = new Map<RecordId, number>()
    let at: TreeNode | undefined = start
    while (at && !this.#leads.has(at.id) && !steps.has(at.id)) {
      steps.set(at.id, path.length)
      path.push(at)
      at = at.place.parent === ROOT ? undefined : this.#folder(at.place.parent)
    }
    const known = at && this.#leads.get(at.id)
    const entry = at && steps.get(at.id)
    const outside = !at || known?.to === 'top' ? TOP : CYCLE
    for (const node of path.slice(0, entry)) this.#leads.set(node.id, outside)
    if (entry !== undefined) {
      const cycle = path.slice(entry)
      const latest = cycle.reduce((a, b) => (comparePlaced(a, b) > 0 ? a : b))
      for (const node of cycle) this.#leads.set(node.id, { to: 'itself', latest })
    }
    return this.#leads.get(start.id)!
  }
}
