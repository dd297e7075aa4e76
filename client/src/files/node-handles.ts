/** Open files of a real disk. */
import { closeSync, fstatSync, readSync, write, writeSync } from 'node:fs'
import { promisify } from 'node:util'
import type { FileReader, FileWriter, Stat } from './files.ts'
import { attempt, fileError } from './node-errors.ts'
import { statOf } from './node-stat.ts'

const writeLater = promisify(write)

/** Owns the descriptor. */
export class DiskReader implements FileReader {
  readonly #descriptor: number
  readonly #path: string
  constructor(descriptor: number, path: string) {
    this.#descriptor = descriptor
    this.#path = path
  }
  stat(): Stat {
    return attempt('look at', this.#path, () => statOf(fstatSync(this.#descriptor, { bigint: true })))
  }
  read(into: Uint8Array, position: number): number {
    return attempt('read', this.#path, () => readSync(this.#descriptor, into, 0, into.length, position))
  }
  close(): void {
    attempt('close', this.#path, () => closeSync(this.#descriptor))
  }
}

/** Owns the descriptor. */
export class DiskWriter implements FileWriter {
  readonly #descriptor: number
  readonly #path: string
  #position = 0
  constructor(descriptor: number, path: string) {
    this.#descriptor = descriptor
    this.#path = path
  }
  write(bytes: Uint8Array): void {
    const start = this.#claim(bytes)
    attempt('write', this.#path, () => {
      for (let done = 0; done < bytes.length; ) {
        done += writeSync(this.#descriptor, bytes, done, bytes.length - done, start + done)
      }
    })
  }
  async writeLater(bytes: Uint8Array): Promise<void> {
    const start = this.#claim(bytes)
    try {
      for (let done = 0; done < bytes.length; ) {
        const left = bytes.length - done
        done += (await writeLater(this.#descriptor, bytes, done, left, start + done)).bytesWritten
      }
    } catch (error) {
      throw fileError(error, 'write', this.#path)
    }
  }
  close(): void {
    attempt('close', this.#path, () => closeSync(this.#descriptor))
  }

  #claim(bytes: Uint8Array): number {
    const start = this.#position
    this.#position += bytes.length
    return start
  }
}
