/** Reading what a scan found, where each path that cannot be read is a problem of its own and of no other. */
import type { Digest } from '@pileus/core/ids/ids'
import { FileError, type Stat } from '../files/files.ts'
import type { PathProblem, Scan } from '../folder/scan.ts'
import type { FileContent } from '../transfer/chunks.ts'
import { hashFile, type Ingested, ingestFiles } from '../transfer/ingest.ts'
import { knownChunks } from '../transfer/known-chunks.ts'
import type { KnownChunks, Sealing, SourceFile } from '../transfer/sealing/sealing.ts'
import { Uploader } from '../transfer/uploader.ts'
import type { DriveContext, SyncOptions } from './context.ts'

const NOT_QUIET = 'it kept changing while it was read; it will be synced when it is quiet'

/** A file whose content is to be taken up. */
export interface FileToTakeUp extends SourceFile {
  /** Called once it was read; the next file waits until it is done. */
  takeUp(ingested: Ingested): void | Promise<void>
}

/** Dispose of it when all is read. */
export class Reading implements Disposable {
  readonly uploader: Uploader
  readonly problems: PathProblem[] = []
  readonly #context: DriveContext
  readonly #options: SyncOptions
  /** What may have to be read: less, where a file turns out to be known. */
  readonly #total = { files: 0, bytes: 0 }
  #files = 0
  #bytes = 0
  /** Serves for all portions: its threads take as long to start as some megabytes to seal. */
  #sealing: Sealing | null = null

  constructor(context: DriveContext, options: SyncOptions) {
    this.#context = context
    this.#options = options
    this.uploader = new Uploader(context.remote, context.zone.zone, context.crypto, () => this.#report())
  }

  [Symbol.dispose](): void {
    this.#sealing?.[Symbol.dispose]()
  }

  /** What a portion of a scan found is going to be read. */
  expect({ appeared, changed, problems }: Scan): void {
    for (const problem of problems) this.problems.push(problem)
    for (const nodes of [appeared, changed]) {
      for (const { stat } of nodes) {
        if (stat.type !== 'file') continue
        this.#total.files++
        this.#total.bytes += stat.size
      }
    }
  }

  /**
   * Reads files and sends their chunks on their way. Each is asked for, one after another, while others are still
   * being read, and told of once its turn comes and all its chunks were handed to the uploader; those that cannot be
   * read now are problems.
   */
  async ingest(files: Iterable<FileToTakeUp>): Promise<void> {
    const { crypto, openSealing, chunkerKey } = this.#context
    const chunkSecret = this.#chunkSecret()
    const progress = (bytes: number) => {
      this.#bytes += bytes
      this.#report()
    }
    this.#sealing ??= openSealing({ chunkSecret, chunkerKey: chunkerKey.bytes() }, this.#total)
    const context = {
      crypto,
      chunkSecret,
      sealing: this.#sealing,
      uploader: this.uploader,
      signal: this.#options.signal,
      progress,
    }
    for await (const { file, found } of ingestFiles(context, files)) {
      if (found instanceof FileError) this.#failed(file.path, found)
      else if (this.#quiet(file.path, found)) {
        this.#files++
        await file.takeUp(found!)
      }
    }
  }

  /** What of a content that this device sealed need not be sealed again: asked for when it is wanted, once. */
  known(content: FileContent): () => Promise<KnownChunks> {
    const { remote, crypto, zone } = this.#context
    const { signal } = this.#options
    const context = { remote, crypto, zone: zone.zone, signal, progress: () => {} }
    let asked: Promise<KnownChunks> | null = null
    return () => {
      asked ??= knownChunks(context, this.#chunkSecret(), content)
      return asked
    }
  }

  hash(path: string): { hash: Digest; stat: Stat } | null {
    try {
      return this.#quiet(path, hashFile(this.#context.crypto, this.#context.files.folder, path))
    } catch (error) {
      return this.#failed(path, error)
    }
  }

  linkTarget(path: string): string | null {
    try {
      return this.#context.files.folder.readLink(path)
    } catch (error) {
      return this.#failed(path, error)
    }
  }

  #chunkSecret(): Uint8Array {
    const { zone } = this.#context
    return zone.keysOf(zone.epoch)!.chunkSecret.bytes()
  }

  #quiet<T>(path: string, read: T | null): T | null {
    if (read === null) this.problems.push({ path, problem: NOT_QUIET })
    return read
  }

  /** What went away since the scan is no problem: the next scan tells where to. */
  #failed(path: string, error: unknown): null {
    if (!(error instanceof FileError)) throw error
    if (error.code !== 'not-found') this.problems.push({ path, problem: error.message })
    return null
  }

  #report(): void {
    const { files, bytes } = this.#total
    const done = { files: this.#files, bytes: this.#bytes }
    this.#options.progress?.({ phase: 'uploading', ...done, filesTotal: files, bytesTotal: bytes })
  }
}
