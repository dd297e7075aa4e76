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

/** The nodes that stand elsewhere than their place says, kept as records change (TREE-6). */
export class Redirects {
  readonly #to = new Map<RecordId, RecordId>()
  /** Orphans by the parent they miss: nothing but that parent, or they themselves, can change their lot. */
  readonly #waiting = new Map<RecordId, Set<RecordId>>()
  /** Redirected for another reason, or not looked at since they were loaded. */
  readonly #unsettled = new Set<RecordId>()

  get all(): ReadonlyMap<RecordId, RecordId> {
    return this.#to
  }

  /** Begins anew with what was found before. */
  load(found: Iterable<readonly [id: RecordId, to: RecordId]>): void {
    this.#to.clear()
    this.#waiting.clear()
    this.#unsettled.clear()
    for (const [id, to] of found) {
      this.#to.set(id, to)
      this.#unsettled.add(id)
    }
  }

  /**
   * Brings the redirects up to date after these records changed (or came to be known) and returns whose redirect
   * is another now. Only what changed, what waited for it, what stands in a cycle with it, and what was redirected
   * out of a cycle can differ. Records do not become unknown again.
   */
  update(nodes: Nodes, changed: Iterable<RecordId>): RecordId[] {
    const places = new Places(nodes)
    const candidates = new Set(this.#unsettled)
    for (const id of changed) {
      candidates.add(id)
      for (const orphan of this.#waiting.get(id) ?? []) candidates.add(orphan)
      this.#waiting.delete(id)
      const latest = places.latestInCycle(id)
      if (latest) candidates.add(latest.id)
    }
    return [...candidates].filter((id) => this.#settle(places, id))
  }

  #settle(places: Places, id: RecordId): boolean {
    const before = this.#to.get(id) ?? null
    const next = places.redirectOf(id)
    const missing = places.missingParent(id)
    this.#unsettled.delete(id)
    if (missing) this.#waiting.set(missing, (this.#waiting.get(missing) ?? new Set()).add(id))
    else if (next) this.#unsettled.add(id)
    if (next) this.#to.set(id, next)
    else this.#to.delete(id)
    return next !== before
  }
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
    if (this.missingParent(id)) return ROOT
    if (this.latestInCycle(id)?.id !== id) return null
    const { former } = node.place
    const usable = former !== null && former !== ROOT && this.#folder(former)
    return usable && !usable.deleted && this.#lead(usable).to === 'top' ? usable.id : ROOT
  }

  /** The parent of an orphan, which is unknown or no folder. */
  missingParent(id: RecordId): RecordId | undefined {
    const parent = this.#nodes.node(id)?.place.parent
    return parent && parent !== ROOT && !this.#folder(parent) ? parent : undefined
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
