/**
 * What the thread that wants files sealed and the threads that seal them tell each other. Content passes in memory
 * that all of them share, in numbered slots: who is told of a slot has it until it answers.
 */
import type { Digest } from '@pileus/core/ids/ids'
import type { ChunkEntry } from '@pileus/core/records/record'
import { type FileError, type FileErrorCode, FileError as FileFailure, type Stat } from '../../files/files.ts'
import type { Outcome, SealingKeys } from './sealing.ts'

/** The first message to a worker. Keys go this way alone: never by its arguments or environment. */
export interface Start {
  readonly type: 'start'
  readonly keys: SealingKeys
  readonly folder: string
  readonly work: string
  readonly slots: Slots
}

/** For what was read, and for what was sealed. */
export interface Slots {
  readonly read: readonly SharedArrayBuffer[]
  readonly sealed: readonly SharedArrayBuffer[]
}

/** Seal these files whole, their chunks one after another into a slot for sealed ones. */
export interface SealFiles {
  readonly type: 'files'
  readonly files: readonly { readonly path: string; readonly size: number }[]
  readonly into: number
}

/** Read on in a file, which is opened when it is named for the first time: its next chunks go into a slot for what was read. */
export interface CutOn {
  readonly type: 'cut'
  /** Tells one reading of a file from another. */
  readonly reading: number
  readonly path: string
  readonly into: number
}

/** Where data stands in a slot. */
export interface DataPlace {
  readonly start: number
  readonly length: number
}

/** Hash the data of these chunks, which stand in a slot for what was read. */
export interface HashChunks {
  readonly type: 'hash'
  readonly from: number
  readonly places: readonly DataPlace[]
}

/** Seal these chunks, one after another into another slot. */
export interface SealChunks {
  readonly type: 'seal'
  readonly from: number
  readonly places: readonly DataPlace[]
  readonly into: number
}

export type Request = Start | SealFiles | CutOn | HashChunks | SealChunks

export interface FileAnswer {
  readonly entries: readonly ChunkEntry[]
  readonly outcome: OutcomeMessage
}

export type Answer =
  | { readonly type: 'files'; readonly files: readonly FileAnswer[] }
  /** `outcome` stands in the answer with the file's last chunks; answers after it are empty. */
  | {
      readonly type: 'cut'
      readonly lengths: readonly number[]
      readonly outcome: OutcomeMessage | null
      readonly ended: boolean
    }
  | { readonly type: 'hash'; readonly hashes: readonly Digest[] }
  | { readonly type: 'seal'; readonly entries: readonly ChunkEntry[] }

/** An outcome as it passes between threads, where an error loses its class. */
export type OutcomeMessage =
  | { readonly type: 'sealed'; readonly hash: Digest; readonly stat: Stat }
  | { readonly type: 'changed'; readonly size: number }
  | { readonly type: 'failed'; readonly code: FileErrorCode; readonly action: string; readonly path: string }

export function outcomeMessage(outcome: Outcome): OutcomeMessage {
  return outcome.type === 'failed' ? failedMessage(outcome.error) : outcome
}

export function failedMessage({ code, action, path }: FileError): OutcomeMessage {
  return { type: 'failed', code, action, path }
}

export function outcomeOf(message: OutcomeMessage): Outcome {
  if (message.type !== 'failed') return message
  const { code, action, path } = message
  return { type: 'failed', error: new FileFailure(code, action, path) }
}
