/** Reading what a scan found, where each path that cannot be read is a problem of its own and of no other. */
import type { Digest } from '@pileus/core/ids/ids'
import { FileError, type Stat } from '../files/files.ts'
import type { PathProblem, Scan } from '../folder/scan.ts'
import type { FileContent } from '../transfer/chunks.ts'
import { type ChunkSink, hashFile, type Ingested, ingestFiles, type Read } from '../transfer/ingest.ts'
import { knownChunks } from '../transfer/known-chunks.ts'
import { LackingChunks } from '../transfer/lacking.ts'
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
  readonly problems: PathProblem[] = []
  readonly #context: DriveContext
  readonly #options: SyncOptions
  /** What may have to be read: less, where a file turns out to be known. */
  readonly #total = { files: 0, bytes: 0 }
  /** Asked for, and neither stored nor a problem yet. */
  readonly #underWay = new Set<FileToTakeUp>()
  #uploader: Uploader
  #done = { files: 0, bytes: 0 }
  readonly #stored = { files: 0, bytes: 0 }
  /** Serves for all portions: its threads take as long to start as some megabytes to seal. */
  #sealing: Sealing | null = null

  constructor(context: DriveContext, options: SyncOptions) {
    this.#context = context
    this.#options = options
    this.#uploader = this.#newUploader()
  }

  [Symbol.dispose](): void {
    this.#sealing?.[Symbol.dispose]()
  }

  get uploader(): Uploader {
    return this.#uploader
  }

  /** What a portion of a scan found is going to be read. Returns the bytes of its files. */
  expect({ appeared, changed, problems }: Scan): number {
    for (const problem of problems) this.problems.push(problem)
    let bytes = 0
    for (const nodes of [appeared, changed]) {
      for (const { stat } of nodes) {
        if (stat.type !== 'file') continue
        this.#total.files++
        bytes += stat.size
      }
    }
    this.#total.bytes += bytes
    return bytes
  }

  /**
   * Reads files and sends their chunks on their way. Each is asked for, one after another, while others are still
   * being read, and told of once its turn comes and all its chunks were handed to the uploader; those that cannot be
   * read now are problems.
   */
  async ingest(files: Iterable<FileToTakeUp>): Promise<void> {
    const uploader = this.#uploader
    for await (const { file, found } of this.#read(this.#noted(files), uploader, 'uploading')) {
      if (found instanceof FileError) this.#failed(file.path, found)
      else if (this.#quiet(file.path, found)) {
        this.#done.files++
        await file.takeUp(found!)
        uploader.whenStored(() => this.#isStored(file))
        continue
      }
      this.#underWay.delete(file)
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

  /**
   * To go on after an upload was refused, once nothing is under way any more. Returns the files that were asked for and
   * are not stored, which may be given again.
   */
  async startAnew(): Promise<readonly FileToTakeUp[]> {
    await this.#uploader.settled()
    this.#uploader = this.#newUploader()
    const left = [...this.#underWay]
    this.#underWay.clear()
    this.#done = { ...this.#stored }
    return left
  }

  /** How many bytes the server lacks of each of these files, and in how many chunks each is. Sends nothing. */
  async lacking(
    files: readonly FileToTakeUp[],
  ): Promise<Map<FileToTakeUp, { bytes: number; chunks: number }>> {
    const counts = new Map<FileToTakeUp, { bytes: number; chunks: number }>()
    const chunks = new LackingChunks(this.#context.remote, this.#context.zone.zone)
    const before = { ...this.#done }
    for await (const { file } of this.#read(files, chunks, 'reading')) counts.set(file, chunks.endFile())
    await chunks.finish()
    this.#done = before
    return counts
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

  #newUploader(): Uploader {
    const { remote, zone, crypto } = this.#context
    return new Uploader(remote, zone.zone, crypto, () => this.#report('uploading'), this.#uploader?.counts)
  }

  *#noted(files: Iterable<FileToTakeUp>): Generator<FileToTakeUp> {
    for (const file of files) {
      this.#underWay.add(file)
      yield file
    }
  }

  #read(
    files: Iterable<FileToTakeUp>,
    sink: ChunkSink,
    phase: 'reading' | 'uploading',
  ): AsyncIterable<Read<FileToTakeUp>> {
    const { crypto, openSealing, chunkerKey } = this.#context
    const chunkSecret = this.#chunkSecret()
    const progress = (bytes: number) => {
      this.#done.bytes += bytes
      this.#report(phase)
    }
    this.#sealing ??= openSealing({ chunkSecret, chunkerKey: chunkerKey.bytes() }, this.#total)
    const { signal } = this.#options
    return ingestFiles({ crypto, chunkSecret, sealing: this.#sealing, sink, signal, progress }, files)
  }

  #isStored(file: FileToTakeUp): void {
    this.#underWay.delete(file)
    this.#stored.files++
    this.#stored.bytes += file.size
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

  #report(phase: 'reading' | 'uploading'): void {
    const { files, bytes } = this.#total
    this.#options.progress?.({ phase, ...this.#done, filesTotal: files, bytesTotal: bytes })
  }
}
