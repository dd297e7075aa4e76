/** What is compared: anything that brings a folder A to a folder B. */

export interface Contender {
  readonly name: string
  /** What it is, in words for the table; null when it is not installed. */
  version(): Promise<string | null>
  /** Two fresh, empty folders that it keeps the same, with everything it needs below `root`. */
  open(root: string, options: OpenOptions): Promise<Pair>
}

export interface OpenOptions {
  /** Lets all its connections pass a counting proxy, where it has connections. Costs time for large amounts. */
  readonly countWire: boolean
}

/** Something that happens in A's folder in one moment, and how to see it in B's. */
export interface Change {
  readonly make: () => void
  /** Looks at B's folder. Asked often, so a look that fails has to cost little. */
  readonly isThere: () => boolean
  /** Milliseconds after which nobody waits for it any more; ten minutes when not given. */
  readonly withinMs?: number
}

export interface Pair {
  readonly a: string
  readonly b: string
  /** Makes the change, and says how long it took from then until B's folder held it. */
  carry(change: Change): Promise<Carried>
  /** Looks through A's folder when nothing has changed. */
  rescan(): Promise<Rescanned>
  /** Most resident memory so far of each process, in bytes. */
  peaks(): Readonly<Record<string, number>>
  /** Null for programs that end by themselves. */
  readonly live: Live | null
  close(): Promise<void>
}

export interface Carried {
  readonly seconds: number
  /** What the time consists of, in seconds, where steps follow one another. */
  readonly parts: Readonly<Record<string, number>>
  /** User and system time of each process, in seconds. */
  readonly processor: Readonly<Record<string, number>>
  /** Bytes through the counting proxy, all connections, both ways; null when they were not counted. */
  readonly wireBytes: number | null
  /** Null where the contender does not say. */
  readonly said: Said | null
}

export interface Said {
  /** Versions sent. */
  readonly records: number
  /** Bytes of chunks that A sent and B received. */
  readonly chunkBytes: number
}

export interface Rescanned {
  readonly seconds: number
  /** User and system time of the process that looked, in seconds. */
  readonly processorSeconds: number
}

/** Processes that stay and notice changes by themselves. */
export interface Live {
  /** Ends A's process in order, starts it anew, and resolves once it has looked through its folder. */
  restart(): Promise<void>
  /** Waits until nothing is under way. */
  comeToRest(): Promise<void>
  /** Resident memory of A's process now, in bytes. */
  residentBytes(): number
  /** User and system time so far of each process, in seconds. */
  processor(): Readonly<Record<string, number>>
}
