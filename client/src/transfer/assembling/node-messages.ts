/** What the thread that has parts and the thread that does them tell each other. Chunks lie in memory that both share. */
import type { FileErrorCode } from '../../files/files.ts'
import type { Part, Written } from './assembler.ts'

/** The first message. */
export interface Start {
  readonly type: 'start'
  readonly folder: string
  readonly work: string
}

export interface WriteParts {
  readonly type: 'write'
  readonly parts: readonly Part[]
}

export type Answer =
  | { readonly type: 'written'; readonly written: Written }
  /** The disk refused: a FileError, which would lose its class between threads. */
  | { readonly type: 'refused'; readonly code: FileErrorCode; readonly action: string; readonly path: string }
