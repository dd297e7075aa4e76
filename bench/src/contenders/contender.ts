/** What is compared: anything that brings a folder A to a folder B. */

export interface Contender {
  readonly name: string
  /** What it is, in words for the table; null when it is not installed. */
  version(): Promise<string | null>
  /** Two fresh, empty folders that it keeps the same, with everything it needs below `root`. */
  open(root: string): Promise<Pair>
  /** The same with processes that stay and need not be told; a text says why there are none. */
  openLive(root: string): Promise<LivePair | string>
}

export interface Pair {
  readonly a: string
  readonly b: string
  /**
   * Brings B's folder to what A's holds, and says how long that took from the start of A's work until B's folder
   * was equal. `isThere` looks at B's folder, for contenders whose processes do not end.
   */
  carry(isThere: () => boolean): Promise<Carried>
  /** Seconds to look through A's folder when nothing has changed. */
  rescan(): Promise<number>
  /** Most resident memory of A's process in such a look, in bytes. */
  rescanPeakBytes(): Promise<number>
  /** Most resident memory so far of each process, in bytes. */
  peaks(): Readonly<Record<string, number>>
  close(): Promise<void>
}

export interface Carried {
  readonly seconds: number
  readonly parts: Readonly<Record<string, number>>
  readonly movedBytes: number | null
  /** Versions sent, where the contender counts them. */
  readonly records: number | null
}

export interface LivePair {
  readonly a: string
  readonly b: string
  /** Starts A's process anew, lets it come to rest, and returns its resident memory in bytes. */
  restingBytes(): Promise<number>
  close(): Promise<void>
}
