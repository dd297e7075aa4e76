/** One file being made: written, and hashed as a whole. */
import type { Crypto, Sha256 } from '@pileus/core/crypto/crypto'
import { idFromBytes } from '@pileus/core/ids/ids'
import { type Area, FileError, type FileWriter } from '../../files/files.ts'
import type { NewFile } from './assembler.ts'

/** Close it, whatever happens. Every call throws FileError when the disk refuses. */
export class Assembling implements Disposable {
  readonly #crypto: Crypto
  readonly #work: Area
  readonly #file: NewFile
  /** Created at the first write, so that a file which fails before is never there. */
  #writer: FileWriter | null = null
  /** Null before there is data, and when all came at once. */
  #sha256: Sha256 | null = null
  #hash: Uint8Array | null = null
  #written = 0
  #failure: string | null = null

  constructor(crypto: Crypto, work: Area, file: NewFile) {
    this.#crypto = crypto
    this.#work = work
    this.#file = file
  }

  /** Whether what comes is still of use. */
  get failed(): boolean {
    return this.#failure !== null
  }

  write(data: Uint8Array): void {
    if (this.failed) return
    this.#open().write(data)
    if (this.#written === 0 && data.length === this.#file.size) this.#hash = this.#crypto.sha256(data)
    else {
      this.#sha256 ??= this.#crypto.createSha256()
      this.#sha256.update(data)
    }
    this.#written += data.length
  }

  fail(why: string): void {
    this.#failure ??= why
  }

  /** Ends it: null when it is whole, or why it is not, and then it is removed. */
  end(): string | null {
    if (!this.failed) this.#open()
    const created = this.#writer !== null
    this.#close()
    const { path, executable, mtime } = this.#file
    if (!this.failed && !this.#isWhole()) this.fail('its chunks do not add up to the file that was saved')
    if (this.#failure !== null) {
      if (created) this.#work.removeFile(path)
      return this.#failure
    }
    if (executable) this.#work.setExecutable(path, true)
    this.#work.setModified(path, mtime)
    return null
  }

  [Symbol.dispose](): void {
    this.#close()
  }

  #isWhole(): boolean {
    if (this.#written !== this.#file.size) return false
    const hash = this.#hash ?? (this.#sha256 ?? this.#crypto.createSha256()).digest()
    return idFromBytes('digest', hash) === this.#file.hash
  }

  #open(): FileWriter {
    this.#writer ??= this.#create()
    return this.#writer
  }

  #create(): FileWriter {
    const { path } = this.#file
    try {
      return this.#work.create(path)
    } catch (error) {
      if (!(error instanceof FileError && error.code === 'exists')) throw error
      this.#work.removeFile(path)
      return this.#work.create(path)
    }
  }

  #close(): void {
    const writer = this.#writer
    this.#writer = null
    writer?.close()
  }
}
