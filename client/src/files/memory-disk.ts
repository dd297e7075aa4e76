/**
 * The inodes of a simulated disk, and what of them a loss of power would leave.
 *
 * Changes to folders wait in one ordered journal until a sync, each op whole or not at all (a rename between
 * folders cannot lose both ends: journalling file systems promise that, nothing more is assumed). What a file
 * holds waits in the file. A power loss keeps, of each folder's waiting ops, some prefix.
 */
export interface FileNode {
  readonly type: 'file'
  readonly number: number
  content: Uint8Array
  mtime: number
  executable: boolean
  changed: number
  links: number
  durable: { content: Uint8Array; mtime: number; executable: boolean }
}

export interface LinkNode {
  readonly type: 'link'
  readonly number: number
  readonly target: string
  mtime: number
  changed: number
  links: number
}

export interface FolderNode {
  readonly type: 'folder'
  readonly number: number
  /** By folded name. */
  entries: Map<string, Entry>
  durableEntries: Map<string, Entry>
  mtime: number
  changed: number
}

export type Node = FileNode | LinkNode | FolderNode

export interface Entry {
  /** As it was written. */
  readonly name: string
  readonly node: Node
}

/** One entry put into a folder, or taken out of it (null). */
interface Edit {
  readonly folder: FolderNode
  readonly key: string
  readonly entry: Entry | null
}

interface Op {
  readonly edits: readonly Edit[]
  /** A folder that changes its parent. Such ops keep their order, or a crash could make a cycle. */
  readonly movesFolder: boolean
}

/** What a power loss leaves of what was never synced: all, nothing, or what these coins say (0 ≤ coin < 1). */
export type Survival = 'all' | 'none' | (() => number)

export class MemoryDisk {
  #journal: Op[] = []
  #numbers: number
  #changes = 0

  constructor(firstInode = 1) {
    this.#numbers = firstInode - 1
  }

  file(mtime: number): FileNode {
    const empty = new Uint8Array(0)
    const durable = { content: empty, mtime, executable: false }
    return {
      type: 'file',
      number: ++this.#numbers,
      content: empty,
      mtime,
      executable: false,
      changed: this.tick(),
      links: 0,
      durable,
    }
  }

  link(target: string, mtime: number): LinkNode {
    return { type: 'link', number: ++this.#numbers, target, mtime, changed: this.tick(), links: 0 }
  }

  folder(mtime: number): FolderNode {
    return {
      type: 'folder',
      number: ++this.#numbers,
      entries: new Map(),
      durableEntries: new Map(),
      mtime,
      changed: this.tick(),
    }
  }

  /** A new change time: never the same twice. */
  tick(): number {
    return ++this.#changes
  }

  /** Changes folders in one step. */
  apply(edits: readonly Edit[], movesFolder = false): void {
    for (const { folder, key, entry } of edits) {
      const old = folder.entries.get(key)
      if (old && old.node.type !== 'folder') old.node.links -= 1
      if (entry === null) folder.entries.delete(key)
      else {
        folder.entries.set(key, entry)
        if (entry.node.type !== 'folder') entry.node.links += 1
        entry.node.changed = this.tick()
      }
      folder.changed = this.tick()
    }
    this.#journal.push({ edits, movesFolder })
  }

  /** Makes files and folders durable. With a folder's ops go all earlier ops they build on. */
  sync(nodes: Iterable<Node>): void {
    const wanted = new Set<FolderNode>()
    for (const node of nodes) {
      if (node.type === 'folder') wanted.add(node)
      if (node.type === 'file') syncFile(node)
    }
    let moves = false
    const done = new Set<Op>()
    for (const op of this.#journal.toReversed()) {
      if (!op.edits.some((edit) => wanted.has(edit.folder)) && !(moves && op.movesFolder)) continue
      for (const edit of op.edits) wanted.add(edit.folder)
      moves ||= op.movesFolder
      done.add(op)
    }
    for (const op of this.#journal) if (done.has(op)) keep(op)
    this.#journal = this.#journal.filter((op) => !done.has(op))
  }

  /** Loses power: afterwards the tree below these tops is what the disk holds. */
  lose(tops: readonly FolderNode[], survival: Survival): void {
    const lost = new Set<FolderNode>()
    let movesLost = false
    for (const op of this.#journal) {
      const possible = !op.edits.some((edit) => lost.has(edit.folder)) && !(movesLost && op.movesFolder)
      if (possible && survives(survival)) {
        keep(op)
        continue
      }
      for (const edit of op.edits) lost.add(edit.folder)
      movesLost ||= op.movesFolder
    }
    this.#journal = []
    const seen = new Set<Node>()
    for (const top of tops) this.#restore(top, survival, seen)
  }

  #restore(node: Node, survival: Survival, seen: Set<Node>): void {
    if (node.type !== 'folder') node.links = seen.has(node) ? node.links + 1 : 1
    if (seen.has(node)) return
    seen.add(node)
    node.changed = this.tick()
    if (node.type === 'file') restoreFile(node, survival)
    if (node.type !== 'folder') return
    node.entries = new Map(node.durableEntries)
    for (const entry of node.entries.values()) this.#restore(entry.node, survival, seen)
  }
}

function keep(op: Op): void {
  for (const { folder, key, entry } of op.edits) {
    if (entry === null) folder.durableEntries.delete(key)
    else folder.durableEntries.set(key, entry)
  }
}

function syncFile(node: FileNode): void {
  node.durable = { content: node.content, mtime: node.mtime, executable: node.executable }
}

function survives(survival: Survival): boolean {
  return survival === 'all' || (survival !== 'none' && survival() < 0.7)
}

/** Old content, new content, a part of the new, or the new with a hole of zeros: all were seen in the wild. */
function restoreFile(node: FileNode, survival: Survival): void {
  if (survival === 'all') syncFile(node)
  else if (survival !== 'none') {
    if (node.content !== node.durable.content) node.durable.content = torn(node, survival)
    if (survival() < 0.5) {
      node.durable.mtime = node.mtime
      node.durable.executable = node.executable
    }
  }
  node.content = node.durable.content
  node.mtime = node.durable.mtime
  node.executable = node.durable.executable
}

function torn(node: FileNode, coin: () => number): Uint8Array {
  const outcome = coin()
  if (outcome < 0.25) return node.durable.content
  if (outcome < 0.5) return node.content
  const start = commonLength(node.durable.content, node.content)
  const end = start + Math.floor(coin() * (node.content.length - start))
  if (outcome < 0.75) return node.content.slice(0, end)
  const holed = node.content.slice()
  return holed.fill(0, end)
}

function commonLength(a: Uint8Array, b: Uint8Array): number {
  let at = 0
  while (at < a.length && at < b.length && a[at] === b[at]) at += 1
  return at
}
