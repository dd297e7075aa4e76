/**
 * Blobs as files: `<zone 2>/<zone>/<object 2>/<object>`, written to a temporary file, flushed, renamed into place,
 * and the folder flushed too.
 */
import { randomBytes } from 'node:crypto'
import { type FileHandle, mkdir, open, readdir, rename, rm, stat, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { BufferPool } from '@pileus/core/bytes/buffer-pool'
import { DamagedStorage, engineError } from '../engine-errors.ts'
import { flushFolder } from '../flush-folder.ts'
import { type BlobKey, BlobMissing, type Blobs } from './blobs.ts'

const TEMPORARY = 'incoming'
const HEX = /^[0-9a-f]{4,128}$/
/** Writes are gathered up to this many bytes: fewer, larger calls. */
const WRITE_BYTES = 1_048_576
const writeBuffers = new BufferPool(WRITE_BYTES)

/** Opens or creates the folder; removes what an earlier process left half-written, unless another may still be writing it. */
export async function fileBlobs(root: string, shared = false): Promise<Blobs> {
  const incoming = join(root, TEMPORARY)
  await mkdir(incoming, { recursive: true, mode: 0o700 })
  // Also where an earlier process made them and ended before they were durable.
  await flushFolder(dirname(root))
  await flushFolder(root)
  for (const left of shared ? [] : await readdir(incoming)) await rm(join(incoming, left), { force: true })
  const folders = new FolderMaker(root)
  return {
    put: (key, bytes) => put(key, bytes, pathOf(root, key), incoming, folders),
    read: (key, offset, into) => read(key, pathOf(root, key), offset, into),
    exists: (key) => exists(pathOf(root, key)),
    remove: (key) => remove(pathOf(root, key)),
    async check() {
      await stat(incoming)
    },
    async close() {},
  }
}

function pathOf(root: string, key: BlobKey): string {
  if (!HEX.test(key.zone) || !HEX.test(key.object)) throw new RangeError('a blob key must be two hex ids')
  return join(root, key.zone.slice(0, 2), key.zone, key.object.slice(0, 2), key.object)
}

async function put(
  key: BlobKey,
  bytes: AsyncIterable<Uint8Array>,
  path: string,
  incoming: string,
  folders: FolderMaker,
): Promise<void> {
  const temporary = join(incoming, randomBytes(16).toString('hex'))
  try {
    const file = await open(temporary, 'wx', 0o600)
    try {
      await writeAll(file, bytes)
      await file.datasync()
    } finally {
      await file.close()
    }
    await folders.make(dirname(path))
    await rename(temporary, path)
    await flushFolder(dirname(path))
  } catch (error) {
    await rm(temporary, { force: true })
    throw engineError(error, `object ${key.object}`)
  }
}

/** Gathers the parts into few large writes; one buffer is filled while the other is written. */
async function writeAll(file: FileHandle, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  const buffers = [writeBuffers.take(), writeBuffers.take()] as const
  let filling = 0
  let filled = 0
  let writing: Promise<void> = Promise.resolve()
  const flush = async () => {
    await writing
    writing = writeFully(file, buffers[filling]!.subarray(0, filled))
    // Told by the next await of it; the source may throw before that.
    writing.catch(() => undefined)
    filling = 1 - filling
    filled = 0
  }
  try {
    for await (const part of bytes) {
      for (let at = 0; at < part.length; ) {
        const taken = Math.min(part.length - at, WRITE_BYTES - filled)
        buffers[filling]!.set(part.subarray(at, at + taken), filled)
        filled += taken
        at += taken
        if (filled === WRITE_BYTES) await flush()
      }
    }
    await flush()
    await writing
  } finally {
    await writing.catch(() => undefined)
    for (const buffer of buffers) writeBuffers.give(buffer)
  }
}

async function writeFully(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done)
    done += bytesWritten
  }
}

async function read(key: BlobKey, path: string, offset: number, into: Uint8Array): Promise<void> {
  let file: FileHandle
  try {
    file = await open(path, 'r')
  } catch (error) {
    if (isMissing(error)) throw new BlobMissing(key, error)
    throw error
  }
  try {
    for (let done = 0; done < into.length; ) {
      const { bytesRead } = await file.read(into, done, into.length - done, offset + done)
      if (bytesRead === 0)
        throw new DamagedStorage(`object ${key.object} is cut off at ${offset + done} bytes`)
      done += bytesRead
    }
  } finally {
    await file.close()
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile()
  } catch (error) {
    if (isMissing(error)) return false
    throw error
  }
}

async function remove(path: string): Promise<void> {
  try {
    await unlink(path)
    await flushFolder(dirname(path))
  } catch (error) {
    if (!isMissing(error)) throw error
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}

const FOLDERS_KEPT = 100_000

/** Makes folders durably, each once. */
class FolderMaker {
  readonly #root: string
  readonly #made = new Map<string, Promise<void>>()
  constructor(root: string) {
    this.#root = root
  }

  /** Resolves once the folder and all above it up to the root are durable. */
  make(path: string): Promise<void> {
    if (path.length <= this.#root.length) return Promise.resolve()
    const known = this.#made.get(path)
    if (known) return known
    if (this.#made.size >= FOLDERS_KEPT) this.#made.clear()
    const making = this.#makeOne(path)
    this.#made.set(path, making)
    making.catch(() => this.#made.delete(path))
    return making
  }

  async #makeOne(path: string): Promise<void> {
    await this.make(dirname(path))
    await mkdir(path, { recursive: true, mode: 0o700 })
    await flushFolder(dirname(path))
  }
}
