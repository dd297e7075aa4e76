/** Open files of a real disk. */
import { closeSync, fstatSync, readSync, writeSync } from 'node:fs'
import type { FileReader, FileWriter, Stat } from './files.ts'
import { attempt } from './node-errors.ts'
import { statOf } from './node-stat.ts'

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
    attempt('write', this.#path, () => {
      for (let done = 0; done < bytes.length; ) {
        const wrote = writeSync(this.#descriptor, bytes, done, bytes.length - done, this.#position)
        this.#position += wrote
        done += wrote
      }
    })
  }
  close(): void {
    attempt('close', this.#path, () => closeSync(this.#descriptor))
  }
}
