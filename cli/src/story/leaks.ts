/** Test helper: looks for secrets in a server's folder and logs: raw, in base64 and in hex. */
import { lstatSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Secret {
  /** What it is, for the report. */
  readonly what: string
  readonly bytes: Uint8Array
}

/** Shorter ones turn up by accident. */
const SECRET_MIN_BYTES = 8

/** Bytes that a secret's first bytes are looked up by. */
const PREFIX = 8

interface Form {
  readonly what: string
  readonly text: string
}

export class LeakSearch {
  readonly #forms = new Map<string, Form[]>()
  /** One bit for each 20-bit hash of four bytes that some form starts with. */
  readonly #first = new Uint8Array(1 << 20)

  constructor(secrets: readonly Secret[]) {
    for (const { what, bytes } of secrets) {
      if (bytes.length < SECRET_MIN_BYTES) throw new Error(`${what} is too short to be looked for`)
      for (const text of formsOf(Buffer.from(bytes))) this.#add({ what, text })
    }
  }

  #add(form: Form): void {
    const prefix = form.text.slice(0, PREFIX)
    this.#forms.set(prefix, [...(this.#forms.get(prefix) ?? []), form])
    this.#first[hash(Buffer.from(prefix, 'latin1'), 0)] = 1
  }

  /** What is found in these bytes. */
  in(bytes: Buffer): Set<string> {
    const found = new Set<string>()
    for (let at = 0; at + PREFIX <= bytes.length; at++) {
      if (this.#first[hash(bytes, at)] === 0) continue
      for (const form of this.#forms.get(bytes.toString('latin1', at, at + PREFIX)) ?? []) {
        if (bytes.toString('latin1', at, at + form.text.length) === form.text) found.add(form.what)
      }
    }
    return found
  }

  /** What is found in any file below `folder`, or in the name of one. */
  inFolder(folder: string): Map<string, string> {
    const found = new Map<string, string>()
    const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    for (const what of this.in(Buffer.from(names.join('\n')))) found.set(what, 'a file name')
    for (const name of names) {
      if (!lstatSync(join(folder, name)).isFile()) continue
      for (const what of this.in(readFileSync(join(folder, name)))) found.set(what, name)
    }
    return found
  }
}

function hash(bytes: Uint8Array, at: number): number {
  const word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
  return Math.imul(word, 0x9e3779b1) >>> 12
}

/** Raw, hex in both cases, and base64 in both alphabets at each of the three alignments. */
function formsOf(bytes: Buffer): Set<string> {
  const hex = bytes.toString('hex')
  const forms = new Set([bytes.toString('latin1'), hex, hex.toUpperCase()])
  for (const lead of [0, 1, 2]) {
    const text = Buffer.concat([Buffer.alloc(lead), bytes])
      .toString('base64')
      .replace(/=+$/, '')
    // Characters that neighbours of the secret have a share in are left out at both ends.
    const inner = text.slice(Math.ceil((lead * 8) / 6), Math.floor(((lead + bytes.length) * 8) / 6))
    forms.add(inner)
    forms.add(inner.replaceAll('+', '-').replaceAll('/', '_'))
  }
  return forms
}
