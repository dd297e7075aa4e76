/** What an engine of any port may fail with, beside what its contract names. */

/** The engine has no room left. Nothing was written; the same call may succeed once there is room. */
export class StorageFull extends Error {
  constructor(what: string, cause?: unknown) {
    super(`no room left to write ${what}`, { cause })
    this.name = 'StorageFull'
  }
}

/** Stored bytes are not what was written: a disk or a person changed them. */
export class DamagedStorage extends Error {
  constructor(what: string, cause?: unknown) {
    super(`stored bytes are damaged: ${what}`, { cause })
    this.name = 'DamagedStorage'
  }
}

/** Data that this program cannot use as it is; the message is one sentence for the operator. */
export class EngineUnusable extends Error {
  constructor(sentence: string) {
    super(sentence)
    this.name = 'EngineUnusable'
  }
}

/** The engine takes no writes: its data is being moved, or was (fence.ts). Nothing was changed. */
export class EngineFenced extends Error {
  constructor(what: string, cause?: unknown) {
    super(`${what} is fenced: its data is being moved to other engines, or was`, { cause })
    this.name = 'EngineFenced'
  }
}

/** The engine does not answer: it is down, restarting or out of reach. Whether the call happened is not known. */
export class EngineUnreachable extends Error {
  constructor(what: string, cause?: unknown) {
    super(`${what} does not answer`, { cause })
    this.name = 'EngineUnreachable'
  }
}

const FULL_CODES: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])
/** SQLite result codes (https://www.sqlite.org/rescode.html). */
const SQLITE_FULL = 13
const SQLITE_CORRUPT = 11
const SQLITE_NOTADB = 26
const SQLITE_CONSTRAINT_TRIGGER = 1811
/** What the triggers of a fence say; no other trigger exists. */
export const FENCED = 'fenced'

/** The same failure as one of the classes above, where the operating system or SQLite says it is one. */
export function engineError(error: unknown, what: string): unknown {
  if (!(error instanceof Error)) return error
  const { code, errcode } = error as Error & { code?: unknown; errcode?: unknown }
  if (FULL_CODES.has(code) || errcode === SQLITE_FULL) return new StorageFull(what, error)
  if (errcode === SQLITE_CORRUPT || errcode === SQLITE_NOTADB) return new DamagedStorage(what, error)
  if (errcode === SQLITE_CONSTRAINT_TRIGGER && error.message === FENCED) return new EngineFenced(what, error)
  return error
}
