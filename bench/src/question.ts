/** What a benchmark asks, and what an answer is. Each question has a folder of its own. */
import type { Contender, Said } from './contenders/contender.ts'

export interface Sizes {
  readonly largeFileBytes: number
  readonly smallFiles: number
  /** How often each thing is done; the median counts. */
  readonly repetitions: number
  /** Files saved one after another to see how soon they show. */
  readonly saves: number
  /** Of the question about a large tree, which has to be asked for. */
  readonly files: number
}

export const FULL: Sizes = {
  largeFileBytes: 2 ** 30,
  smallFiles: 10_000,
  repetitions: 3,
  saves: 31,
  files: 1_000_000,
}
export const QUICK: Sizes = {
  largeFileBytes: 2 ** 24,
  smallFiles: 300,
  repetitions: 1,
  saves: 3,
  files: 5_000,
}

export interface Question {
  readonly name: string
  title(sizes: Sizes): string
  /** Contenders that can do this at all, in the order of the table. */
  readonly contenders: readonly string[]
  measure(bench: Bench, contender: Contender): Promise<Answer>
  /** What the design asks of us, held against what was measured. */
  judge(answers: ReadonlyMap<string, Measured>, sizes: Sizes): Verdict[]
}

export interface Bench {
  readonly sizes: Sizes
  /** A new empty folder for one repetition; all are removed at the end. */
  folder(name: string): string
  /** Removes such a folder at once, because the disk has an end. */
  discard(folder: string): void
}

export type Answer = Measured | { readonly kind: 'not-measured'; readonly why: string }

export interface Measured {
  readonly kind: 'measured'
  readonly unit: 's' | 'ms' | 'bytes'
  readonly samples: readonly number[]
  /** Medians of what the whole consists of: backup and restore, A and B. */
  readonly parts: Readonly<Record<string, number>>
  /** Medians of the user and system time of each process, in seconds. */
  readonly processor: Readonly<Record<string, number>>
  /** Bytes through the counting proxy, all connections, both ways; the largest of the repetitions. */
  readonly movedBytes: number | null
  /** Most resident memory of each process, in bytes. */
  readonly peaks: Readonly<Record<string, number>>
  readonly notes: readonly string[]
  /** What each repetition sent, where the contender says. */
  readonly said?: readonly Said[]
  /** Other numbers that are held against what the design asks. */
  readonly figures?: Readonly<Record<string, number>>
}

export interface Verdict {
  readonly target: string
  readonly found: string
  /** Null where what it is held against was not measured. */
  readonly met: boolean | null
}
