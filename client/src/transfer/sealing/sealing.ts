/**
 * Sealing the content of files: each is read between two equal stats (R12), cut, and its chunks sealed. It is what an
 * upload spends its time on, so there are engines that do it here (`inline.ts`) and in threads (`node-workers.ts`);
 * both give the same bytes.
 */
import type { Digest } from '@pileus/core/ids/ids'
import type { ChunkEntry } from '@pileus/core/records/record'
import type { FileError, Stat } from '../../files/files.ts'

/** What content is cut and sealed under; 32 bytes each. */
export interface SealingKeys {
  readonly chunkSecret: Uint8Array
  readonly chunkerKey: Uint8Array
}

export interface SourceFile {
  /** In the synced folder. */
  readonly path: string
  /** Bytes it had when it was last looked at. Files are shared out by it; what is sealed is what is there then. */
  readonly size: number
  /**
   * Asked once for a long file: chunks that the server has, which an engine may find by their data instead of sealing them
   * again. What it rejects with `seal` throws.
   */
  readonly known?: () => Promise<KnownChunks>
}

/** Entries by their hash. The length of an entry is not that of all data with its hash (CNT-13). */
export type KnownChunks = ReadonlyMap<Digest, ChunkEntry>

/** How the reading of one file ended. */
export type Outcome =
  /** All its chunks were given, and are its content as it was between two equal stats. */
  | { readonly type: 'sealed'; readonly hash: Digest; readonly stat: Stat }
  /** It changed meanwhile, and has this size now: the chunks given are not its content. It may be read again. */
  | { readonly type: 'changed'; readonly size: number }
  | { readonly type: 'failed'; readonly error: FileError }

export interface ChunkPiece {
  readonly type: 'chunk'
  readonly entry: ChunkEntry
  /** As it travels and rests; null for one that was known. */
  readonly bytes: Uint8Array | null
}

/** The chunks of a file in order, then its end; and then the next file's. */
export type Piece<F extends SourceFile> =
  | ChunkPiece
  | { readonly type: 'end'; readonly file: F; readonly outcome: Outcome }

/** Holds keys, and perhaps threads, until it is disposed of. */
export interface Sealing extends Disposable {
  /**
   * Seals the files one after another. `files` is asked for the next ones while the pieces of earlier ones are not
   * yet taken, as far ahead as memory allows. The bytes of a chunk are good until the next piece is asked for.
   * Throws the signal's reason, what `known` rejects with, and an Error when a thread ended that should not; after that it is of no use any more.
   * One call at a time.
   */
  seal<F extends SourceFile>(files: Iterable<F>, signal?: AbortSignal): AsyncIterable<Piece<F>>
}

/** Makes the engine for about this much work: threads are worth their start only for much. */
export type OpenSealing = (
  keys: SealingKeys,
  work: { readonly files: number; readonly bytes: number },
) => Sealing
