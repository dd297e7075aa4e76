/** What the operating system refuses, as FileError. */
import { FileError, type FileErrorCode } from './files.ts'

/** Does it; throws FileError where the system refuses. */
export function attempt<T>(action: string, path: string, act: () => T): T {
  try {
    return act()
  } catch (error) {
    throw fileError(error, action, path)
  }
}

const CODES: Readonly<Record<string, FileErrorCode>> = {
  ENOENT: 'not-found',
  EEXIST: 'exists',
  ENOTEMPTY: 'not-empty',
  EACCES: 'denied',
  EPERM: 'denied',
  EROFS: 'read-only',
  ENOSPC: 'full',
  EDQUOT: 'full',
  ENOTDIR: 'not-directory',
  EISDIR: 'is-directory',
  ELOOP: 'not-file',
  ENXIO: 'not-file',
  ENAMETOOLONG: 'name-too-long',
  EXDEV: 'cross-device',
}

/** What to throw for an error of the system; anything else as it is. */
export function fileError(error: unknown, action: string, path: string): unknown {
  if (error instanceof FileError) return error
  const code = codeOf(error)
  return code === '' ? error : new FileError(CODES[code] ?? 'io', action, path, error)
}

/** The system's code, or ''. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}
