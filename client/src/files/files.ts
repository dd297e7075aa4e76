/**
 * A device's disk, as the sync engine uses it: one synced folder (`folder`) and one private working area
 * on the same file system (`work`), in which temporary and displaced files rest.
 *
 * Synchronous: the calls are short, and their order is the point. Paths are relative, '/'-separated, and
 * never contain '..'; '' is the top. Nothing here follows a symbolic link at the last component.
 */
export interface Files {
  readonly folder: Area
  readonly work: Area
  /**
   * Hard-links when `copy` is 'link', else renames; from and to may lie in different areas. 'link' fails with
   * 'exists' when the target exists; 'rename' replaces a file or link at the target in one step.
   */
  transfer(mode: 'link' | 'rename', from: Location, to: Location): void
  /** Makes these files and directories durable, as one group. Missing ones are ignored. */
  sync(locations: readonly Location[]): void
  /** The same, for many files: all at once, since disks write down together what is asked for together. */
  syncTogether(locations: readonly Location[]): Promise<void>
  /** Free bytes for this user. */
  freeBytes(): number
  /** Whether the folder takes `a` and `A` for one name. Found out once. */
  caseInsensitive(): boolean
}

export interface Location {
  readonly area: 'folder' | 'work'
  readonly path: string
}

export interface Area {
  /** Null when nothing is there. */
  stat(path: string): Stat | null
  /** Names in a directory, unordered. Names that are not UTF-8 come as `undecodable`, for showing only. */
  list(path: string): { names: string[]; undecodable: string[] }
  makeDirectory(path: string): void
  /** Removes an empty directory. */
  removeDirectory(path: string): void
  removeFile(path: string): void
  makeLink(path: string, target: string): void
  readLink(path: string): string
  /** Opens a regular file for reading; refuses anything else. */
  read(path: string): FileReader
  /** Creates a file that must not exist. */
  create(path: string): FileWriter
  /** Sets the modification time (µs since 1970, may be negative) of a file, folder or link itself. */
  setModified(path: string, microseconds: number): void
  setExecutable(path: string, executable: boolean): void
}

export interface FileReader {
  /** The file that is open, whatever its path names now. */
  stat(): Stat
  /** Reads up to `into.length` bytes at `position`; returns how many, 0 at the end. */
  read(into: Uint8Array, position: number): number
  close(): void
}

export interface FileWriter {
  write(bytes: Uint8Array): void
  close(): void
}

export interface Stat {
  readonly type: 'file' | 'folder' | 'link' | 'other'
  /** Bytes. */
  readonly size: number
  /** Microseconds since 1970, rounded down. */
  readonly mtime: number
  readonly executable: boolean
  /**
   * Names this inode and its birth: equal texts are the same file or folder, renamed perhaps. Unequal after
   * it was deleted and its number used again, where the file system keeps birth times.
   */
  readonly identity: string
  /** Changes whenever content, attributes or name may have (inode, size, mtime and ctime in nanoseconds). */
  readonly signature: string
  /** Hard links. */
  readonly links: number
}

export type FileErrorCode =
  | 'not-found'
  | 'exists'
  | 'not-empty'
  | 'denied'
  | 'read-only'
  | 'full'
  | 'not-directory'
  | 'is-directory'
  | 'not-file'
  | 'name-too-long'
  | 'cross-device'
  | 'io'

/** What the disk refused, and why, in words a person can use. */
export class FileError extends Error {
  readonly code: FileErrorCode
  /** What was tried, as in "cannot read". */
  readonly action: string
  readonly path: string
  constructor(code: FileErrorCode, action: string, path: string, cause?: unknown) {
    super(`cannot ${action} ${JSON.stringify(path)}: ${REASONS[code]}`, { cause })
    this.name = 'FileError'
    this.code = code
    this.action = action
    this.path = path
  }

  /** The last part of the message: why, and what to do. */
  get reason(): string {
    return REASONS[this.code]
  }
}

const REASONS: Readonly<Record<FileErrorCode, string>> = {
  'not-found': 'there is nothing at this path',
  exists: 'something is already there',
  'not-empty': 'the folder is not empty',
  denied: 'permission denied; check who owns it',
  'read-only': 'the disk is read-only; make it writable and sync again',
  full: 'the disk is full; make room and sync again',
  'not-directory': 'it is not a folder',
  'is-directory': 'it is a folder',
  'not-file': 'it is not a regular file',
  'name-too-long': 'the name is too long for this file system',
  'cross-device': 'it lies on another file system',
  io: 'the disk reported an error',
}
