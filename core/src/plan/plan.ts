/**
 * What to do to a disk so that it shows the view: a pure function of what the disk holds and what it should
 * hold, over the nodes that may differ. The actions are in an order in which each is possible: parents before
 * children, a name is free before it is taken, a folder is empty before it goes.
 */
import { type RecordId, ROOT } from '../ids/ids.ts'
import type { Attributes } from '../records/record.ts'

/** A node as the disk holds it, by the last agreement. */
export interface DiskNode {
  readonly kind: 'file' | 'folder' | 'link'
  readonly parent: RecordId
  readonly name: string
  /** Equal for equal contents; see TreeNode. */
  readonly sameness: string
  readonly attributes: Attributes
}

export interface Disk {
  node(id: RecordId): DiskNode | undefined
  children(folder: RecordId): Iterable<RecordId>
  /** Who has this name in this folder on this disk (which may ignore case). */
  at(folder: RecordId, name: string): RecordId | undefined
  /** Names with one key are one name on this disk. */
  nameKey(name: string): string
}

export interface Wanted extends DiskNode {
  /** Records that are one thing with this one, and stood for it on the disk perhaps. */
  readonly aliases: readonly RecordId[]
}

/** What the disk should show; undefined for what it should not (hidden records, aliases). */
export type Want = (id: RecordId) => Wanted | undefined

export type Action =
  /** What stands for `from` on the disk stands for its alias `id` from now on. Changes no file. */
  | { readonly do: 'relabel'; readonly id: RecordId; readonly from: RecordId }
  /** Out of the folder for a moment, because its name and the place it goes to wait for each other. */
  | { readonly do: 'park'; readonly id: RecordId }
  | {
      readonly do: 'move'
      readonly id: RecordId
      readonly parent: RecordId
      readonly name: string
      readonly over: RecordId | null
    }
  /** `over` is an unwanted file that is replaced in one step. */
  | {
      readonly do: 'create'
      readonly id: RecordId
      readonly parent: RecordId
      readonly name: string
      readonly over: RecordId | null
    }
  | { readonly do: 'update'; readonly id: RecordId }
  | { readonly do: 'attributes'; readonly id: RecordId }
  | { readonly do: 'remove'; readonly id: RecordId }

/** The actions that make the disk show what is wanted of these nodes and of whatever stands in their way. */
export function planDisk(dirty: Iterable<RecordId>, disk: Disk, want: Want): Action[] {
  const planner = new Planner(disk, want)
  const wanted: RecordId[] = []
  const unwanted: RecordId[] = []
  for (const id of dirty) (planner.wants(id) ? wanted : unwanted).push(id)
  for (const id of wanted) planner.settle(id)
  // Nothing goes before everything that stays or comes is in place.
  for (const id of unwanted) planner.settle(id)
  return planner.finish()
}

/** Asked again and again while nodes wait for each other, and always the same while nothing is done yet. */
function remembering(want: Want): Want {
  const answers = new Map<RecordId, Wanted | undefined>()
  return (id) => {
    const known = answers.get(id)
    if (known || answers.has(id)) return known
    const wanted = want(id)
    answers.set(id, wanted)
    return wanted
  }
}

interface Position {
  readonly parent: RecordId
  readonly name: string
}

const PARKED: Position = { parent: ROOT, name: '\0parked' }

class Planner {
  readonly actions: Action[] = []
  readonly #disk: Disk
  readonly #want: Want
  readonly #settled = new Set<RecordId>()
  readonly #settling = new Set<RecordId>()
  /** Where nodes are after the actions so far, where that differs from the disk; null for gone. */
  readonly #positions = new Map<RecordId, Position | null>()
  readonly #occupants = new Map<string, RecordId | null>()
  readonly #relabelled = new Map<RecordId, RecordId>()
  /** Of what is not wanted itself: what it is one thing with, which is. */
  readonly #wantedFor = new Map<RecordId, RecordId>()
  readonly #waiting: RecordId[] = []
  readonly #arrivals = new Map<RecordId, Set<RecordId>>()

  constructor(disk: Disk, want: Want) {
    this.#disk = disk
    this.#want = remembering(want)
  }

  /** Keeps in mind what is one thing with it, too. */
  wants(id: RecordId): boolean {
    const wanted = this.#want(id)
    if (!wanted) return false
    for (const alias of wanted.aliases) if (alias !== id) this.#wantedFor.set(alias, id)
    return true
  }

  settle(id: RecordId): void {
    // It goes only after what takes over from it, which would be absent else, and come again.
    const heir = this.#want(id) ? undefined : this.#wantedFor.get(id)
    if (heir !== undefined) this.settle(heir)
    if (this.#settled.has(id) || this.#settling.has(id)) return
    this.#settling.add(id)
    const wanted = this.#want(id)
    let done = true
    if (wanted) done = this.#bring(id, wanted)
    else if (this.#position(id)) this.#remove(id)
    this.#settling.delete(id)
    if (done) this.#settled.add(id)
  }

  /** Settles what had to wait, which nothing is in the way of any more. */
  finish(): Action[] {
    for (let id = this.#waiting.shift(); id !== undefined; id = this.#waiting.shift()) this.settle(id)
    return this.actions
  }

  /** False when its folder waits for this very node: then it is out of the way, and waits in turn. */
  #bring(id: RecordId, wanted: Wanted): boolean {
    if (wanted.parent !== ROOT) {
      this.settle(wanted.parent)
      if (!this.#settled.has(wanted.parent)) {
        if (this.#position(id)) this.#park(id)
        this.#waiting.push(id)
        return false
      }
    }
    if (!this.#position(id)) this.#takeOver(id, wanted)
    const before = this.#position(id)
    if (!before) {
      const over = this.#clear(id, wanted)
      this.actions.push({ do: 'create', id, parent: wanted.parent, name: wanted.name, over })
      this.#put(id, wanted)
      return true
    }
    if (before.parent !== wanted.parent || before.name !== wanted.name) {
      const over = this.#clear(id, wanted)
      this.actions.push({ do: 'move', id, parent: wanted.parent, name: wanted.name, over })
      this.#put(id, wanted)
    }
    const had = this.#disk.node(id) ?? this.#disk.node(this.#relabelled.get(id)!)
    if (had && had.sameness !== wanted.sameness) this.actions.push({ do: 'update', id })
    else if (had && !sameOnDisk(had, wanted)) this.actions.push({ do: 'attributes', id })
    return true
  }

  /** An alias that stood for this node on the disk gives it what it has there. */
  #takeOver(id: RecordId, wanted: Wanted): void {
    const from = wanted.aliases.find((other) => {
      const node = this.#disk.node(other)
      const position = this.#position(other)
      // What is parked is parked under its id.
      return node?.kind === wanted.kind && position && position !== PARKED && !this.#want(other)
    })
    if (!from) return
    const position = this.#position(from)!
    const children = wanted.kind === 'folder' ? this.#childrenOf(from) : []
    this.actions.push({ do: 'relabel', id, from })
    this.#relabelled.set(id, from)
    this.#put(from, null)
    this.#put(id, position)
    for (const child of children) this.#put(child, { parent: id, name: this.#position(child)!.name })
    this.#settled.add(from)
  }

  /** Frees the wanted name. Returns the unwanted file that may simply be replaced. */
  #clear(id: RecordId, wanted: Wanted): RecordId | null {
    const occupant = this.#occupant(wanted)
    if (occupant === undefined || occupant === id) return null
    if (this.#settling.has(occupant)) {
      this.#park(occupant)
      return null
    }
    const kind = this.#disk.node(occupant)?.kind
    if (wanted.kind === 'file' && kind === 'file' && !this.#want(occupant)) {
      this.#put(occupant, null)
      this.#settled.add(occupant)
      return occupant
    }
    this.settle(occupant)
    return null
  }

  #remove(id: RecordId): void {
    if (this.#disk.node(id)?.kind === 'folder') {
      for (const child of this.#childrenOf(id)) {
        if (this.#settling.has(child)) this.#park(child)
        else this.settle(child)
      }
      // One of them may have needed it as the alias of where it went.
      if (!this.#position(id)) return
    }
    this.actions.push({ do: 'remove', id })
    this.#put(id, null)
  }

  #park(id: RecordId): void {
    if (this.#position(id) === PARKED) return
    this.actions.push({ do: 'park', id })
    this.#put(id, PARKED)
  }

  #position(id: RecordId): Position | null {
    const moved = this.#positions.get(id)
    if (moved !== undefined) return moved
    return this.#disk.node(id) ?? null
  }

  #occupant(at: Position): RecordId | undefined {
    const there = this.#occupants.get(this.#spot(at))
    if (there !== undefined) return there ?? undefined
    return this.#disk.at(at.parent, at.name)
  }

  #spot(at: Position): string {
    return `${at.parent}/${this.#disk.nameKey(at.name)}`
  }

  #childrenOf(folder: RecordId): RecordId[] {
    const here: RecordId[] = []
    for (const child of this.#disk.children(folder)) if (!this.#positions.has(child)) here.push(child)
    for (const child of this.#arrivals.get(folder) ?? []) {
      if (this.#position(child)?.parent === folder) here.push(child)
    }
    return here
  }

  #put(id: RecordId, to: Position | null): void {
    const from = this.#position(id)
    // A row whose name another took on the disk gives up nothing.
    if (from && from !== PARKED && this.#occupant(from) === id) this.#occupants.set(this.#spot(from), null)
    this.#positions.set(id, to)
    if (!to || to === PARKED) return
    this.#occupants.set(this.#spot(to), id)
    const arrivals = this.#arrivals.get(to.parent) ?? new Set()
    this.#arrivals.set(to.parent, arrivals.add(id))
  }
}

/** Folders' times are set when they are made and not again: every change inside would change them. */
function sameOnDisk(had: DiskNode, wanted: DiskNode): boolean {
  if (wanted.kind === 'folder') return true
  if (had.attributes.mtime !== wanted.attributes.mtime) return false
  return wanted.kind === 'link' || had.attributes.executable === wanted.attributes.executable
}
