/** Turns whatever was thrown into one sentence and an exit code. */
import type { ProblemCode } from '@pileus/core/protocol/problem'
import type { Exit } from './exit-codes.ts'
import { Failure } from './failure.ts'

/** Never throws. An error that nobody foresaw keeps its message and is asked to be reported. */
export function explain(thrown: unknown): Failure {
  if (thrown instanceof Failure) return thrown
  if (!(thrown instanceof Error)) return unexpected(String(thrown), thrown)
  const known = BY_NAME[thrown.name]?.(thrown) ?? bySystemCode(thrown)
  return known ?? unexpected(thrown.message, thrown)
}

function unexpected(message: string, cause: unknown): Failure {
  const sentence = firstLine(message) || 'pileus failed without saying why'
  return new Failure(
    'unexpected',
    'unexpected',
    `${sentence} (unexpected; PILEUS_DEBUG=1 shows where)`,
    cause,
  )
}

/** What helps when stored contents are damaged. */
const MEND = 'sync a device that still has the file, and ask whoever runs the server for its backup'

/** Told apart by name, because importing the classes would load half the client just to print help. */
const BY_NAME: Readonly<Record<string, (error: Error) => Failure | null>> = {
  Problem: problem,
  Unreachable: (error) => new Failure('unreachable', 'unreachable', sentence(error), error),
  BadServerAddress: (error) => new Failure('usage', 'bad-server', sentence(error), error),
  FolderLost: (error) => new Failure('attention', 'folder-lost', sentence(error), error),
  WeakPassword: (error) => new Failure('usage', 'password-too-short', sentence(error), error),
  DeviceNameTaken: (error) =>
    new Failure(
      'usage',
      'device-name-taken',
      `${sentence(error).slice(0, -1)} with \`pileus devices remove\`.`,
      error,
    ),
  InvalidPhrase: (error) => new Failure('not-signed-in', 'bad-phrase', sentence(error), error),
  AccountRefused: (error) => new Failure('damaged', 'account-refused', sentence(error), error),
  KeyRefused: (error) => new Failure('damaged', 'key-refused', sentence(error), error),
  LogRefused: (error) => new Failure('damaged', 'log-refused', sentence(error), error),
  BatchRefused: (error) => new Failure('damaged', 'batch-refused', sentence(error), error),
  RecordRefused: (error) => new Failure('damaged', 'record-refused', sentence(error), error),
  SecretsDamaged: (error) => new Failure('damaged', 'keys-damaged', sentence(error), error),
  ServerUntrue: (error) => new Failure('damaged', 'server-untrue', sentence(error), error),
  PackMalformed: (error) => new Failure('damaged', 'server-untrue', sentence(error), error),
  ListMalformed: (error) => new Failure('damaged', 'server-untrue', sentence(error), error),
  NotQuiet: (error) => new Failure('attention', 'not-quiet', sentence(error), error),
  FolderBusy: (error) => new Failure('locked', 'locked', sentence(error), error),
  StoreCorrupt: (error) => new Failure('damaged', 'database-damaged', sentence(error), error),
  AuthenticationFailed: (error) => new Failure('damaged', 'not-authentic', sentence(error), error),
  ChunkCorrupt: (error) =>
    new Failure('damaged', 'chunk-corrupt', `${sentence(error).slice(0, -1)}: ${MEND}.`, error),
  FileError: fileError,
  AbortError: (error) =>
    new Failure('interrupted', 'interrupted', 'Stopped; the next sync goes on from here.', error),
}

const OF_PROBLEM: Partial<Record<ProblemCode, readonly [Exit, string]>> = {
  'not-signed-in': ['not-signed-in', 'The session has ended: run `pileus login` again.'],
  'wrong-credentials': [
    'not-signed-in',
    'The name or the password is wrong: if the password is forgotten, `pileus recover` sets a new one.',
  ],
  'device-removed': [
    'not-signed-in',
    'This device was removed from the account: run `pileus login` to add it again. Its files stay where they are.',
  ],
  'name-taken': ['usage', 'This account name is taken: choose another one.'],
  'too-many-requests': ['unexpected', 'Too many attempts: wait a little, then try again.'],
  'quota-exceeded': [
    'full',
    'The account has no room left: take out of the folder what does not fit, or ask whoever runs the server for more room. Renames and deletions still sync.',
  ],
  'storage-full': ['full', 'The server has no room left: ask whoever runs it.'],
  'damaged-storage': ['damaged', `The server found damaged data in its storage: ${MEND}.`],
  'chunk-corrupt': ['damaged', 'Data arrived damaged at the server: run the command again.'],
  'shutting-down': ['unreachable', 'The server is stopping: try again in a moment.'],
  moving: [
    'unreachable',
    'The server is being moved: it can be read, and nothing can be changed until that is done; try again later.',
  ],
  internal: ['unexpected', 'The server failed: try again, and if it stays so tell whoever runs it.'],
}

function problem(error: Error): Failure {
  const { code, retryAfterSeconds } = error as Error & { code: ProblemCode; retryAfterSeconds?: number }
  const known = OF_PROBLEM[code]
  if (known === undefined)
    return new Failure('unexpected', code, `The server refused: ${sentence(error)}`, error)
  const wait = retryAfterSeconds === undefined ? '' : ` (${retryAfterSeconds} seconds)`
  return new Failure(known[0], code, known[1].replace('wait a little', `wait a little${wait}`), error)
}

function fileError(error: Error): Failure {
  const { code } = error as Error & { code: string }
  const exit = code === 'full' ? 'full' : code === 'read-only' ? 'attention' : 'unexpected'
  return new Failure(exit, `file-${code}`, sentence(error), error)
}

const SYSTEM: Readonly<Record<string, readonly [Exit, string]>> = {
  ENOSPC: ['full', 'the disk is full; make room and try again'],
  EDQUOT: ['full', 'your disk quota is used up; make room and try again'],
  EACCES: ['unexpected', 'permission denied; check who owns it'],
  EPERM: ['unexpected', 'permission denied; check who owns it'],
  EROFS: ['attention', 'the disk is read-only; make it writable and try again'],
  ENOENT: ['usage', 'there is nothing at this path'],
  ENOTDIR: ['usage', 'it is not a folder'],
}

function bySystemCode(error: Error): Failure | null {
  const { code, path, syscall } = error as NodeJS.ErrnoException
  const known = code === undefined ? undefined : SYSTEM[code]
  if (known === undefined || path === undefined) return null
  return new Failure(
    known[0],
    code!.toLowerCase(),
    `Cannot ${syscall ?? 'use'} ${JSON.stringify(path)}: ${known[1]}.`,
    error,
  )
}

/** The message as one sentence with a capital and a full stop. */
function sentence(error: Error): string {
  const text = firstLine(error.message)
  const capital = /^https?:/.test(text) ? text : text.charAt(0).toUpperCase() + text.slice(1)
  return /[.!?]$/.test(capital) ? capital : `${capital}.`
}

function firstLine(text: string): string {
  return text.split('\n')[0]!.trim()
}
