/**
 * Making files out of chunks, in the work area: each chunk is opened, which authenticates it, and each file hashed
 * when it is whole (CNT-14). It is what a download spends its time on, so there are engines that do it here
 * (`inline.ts`) and in a thread (`node-assembler.ts`); both leave the same files.
 */
import { BufferPool } from '@pileus/core/bytes/buffer-pool'
import type { Digest } from '@pileus/core/ids/ids'
import type { ChunkEntry } from '@pileus/core/records/record'

/** A file to be made. What lies at its path gives way: an interrupted run left it. */
export interface NewFile {
  /** In the work area. */
  readonly path: string
  readonly size: number
  readonly hash: Digest
  /** Microseconds since 1970. */
  readonly mtime: number
  readonly executable: boolean
}

/** Files come one after another, the parts of each in order. */
export type Part =
  | { readonly do: 'begin'; readonly file: NewFile }
  | { readonly do: 'data'; readonly data: Uint8Array }
  /** `bytes` are what the server stores; they are opened where they lie. */
  | { readonly do: 'chunk'; readonly entry: ChunkEntry; readonly bytes: Uint8Array }
  /** The rest of the file is not to be had. */
  | { readonly do: 'fail'; readonly why: string }
  | { readonly do: 'end' }

export interface Written {
  /** For each file that ended, null when it is whole, or why it is not; then nothing is left of it. */
  readonly ended: readonly (string | null)[]
  /** Which of the parts is a chunk that cannot be opened: those before it are done, it and those behind it are not. */
  readonly damaged: number | null
}

/** Holds perhaps an open file and a thread, until it is disposed of. */
export interface Assembler extends Disposable {
  /** Where chunks are received for it. */
  readonly buffers: BufferPool
  /**
   * Does these parts, which may begin and end in the middle of a file. Files are written, and not yet durable. Rejects
   * with FileError when the disk refuses, and with an Error when a thread ended that should not; after that it is of no
   * use any more. One call at a time.
   */
  write(parts: readonly Part[]): Promise<Written>
}

export type OpenAssembler = () => Assembler

/** Stored bytes that are received and written together, no less than the longest chunk. */
export const GROUP_BYTES = 8 * 1024 * 1024

/** Buffers of that size. */
export function groupBuffers(allocate?: (bytes: number) => Uint8Array): BufferPool {
  return new BufferPool(GROUP_BYTES, allocate)
}
