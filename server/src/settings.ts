/** Reading settings by name from the environment and one optional file, gathering every mistake instead of the first. */
import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { suggestion } from '@pileus/core/variables'

export type Variables = Readonly<Record<string, string | undefined>>

/** A setting as it is in force. */
export interface Setting {
  readonly name: string
  /** As it may be shown: secrets are hidden. */
  readonly shown: string
  readonly from: 'environment' | 'file' | 'default'
}

/** Where a file of settings is named. */
export const FILE_SETTING = 'PILEUS_CONFIG'
const HIDDEN = '[secret]'

/** Reads one setting after another; remembers what was read and what was wrong. */
export class Settings {
  readonly mistakes: string[] = []
  readonly read = new Map<string, Setting>()
  readonly #environment: Variables
  readonly #file: Variables

  /** Reads the file that PILEUS_CONFIG names, if it does: lines of NAME=value, where # begins a comment. */
  constructor(environment: Variables) {
    this.#environment = environment
    this.#file = this.#readFile(this.text(FILE_SETTING, ''))
  }

  /** The trimmed text; `otherwise` when it is unset or empty. */
  text(name: string, otherwise: string, hide: (value: string) => string = (value) => value): string {
    const inEnvironment = this.#environment[name]?.trim()
    const inFile = this.#file?.[name]?.trim()
    const value = inEnvironment || inFile || otherwise
    const from = inEnvironment ? 'environment' : inFile ? 'file' : 'default'
    this.read.set(name, { name, shown: hide(value), from })
    return value
  }

  /** A text that must be there; '' and a mistake when it is not. `why` says what needs it. */
  required(name: string, expected: string, why: string): string {
    const value = this.text(name, '')
    if (value === '') this.mistakes.push(`${name} is not set, expected ${expected}: ${why} needs it`)
    return value
  }

  secret(name: string, required: string | null = null): string {
    const value = this.text(name, '', (secret) => (secret === '' ? '' : HIDDEN))
    if (value === '' && required !== null) this.mistakes.push(`${name} is not set: ${required} needs it`)
    return value
  }

  whole(name: string, otherwise: number, min: number, max: number): number {
    const value = this.text(name, String(otherwise))
    if (/^\d{1,16}$/.test(value) && Number(value) >= min && Number(value) <= max) return Number(value)
    this.wrong(name, value, `a whole number from ${min} to ${max}`)
    return otherwise
  }

  oneOf<T extends string>(name: string, allowed: readonly T[], otherwise: T): T {
    const value = this.text(name, otherwise)
    const found = allowed.find((one) => one === value)
    if (found === undefined) this.wrong(name, value, `one of ${allowed.join(', ')}`)
    return found ?? otherwise
  }

  /** A URL with one of these schemes, whose password is never shown. */
  url(name: string, schemes: readonly string[], example: string, why: string): string {
    const value = this.text(name, '', hidePassword)
    if (value === '') this.mistakes.push(`${name} is not set, expected ${example}: ${why} needs it`)
    else if (
      !URL.canParse(value) ||
      !schemes.includes(new URL(value).protocol.slice(0, -1)) ||
      !new URL(value).hostname
    ) {
      this.wrong(name, hidePassword(value), example)
    }
    return value
  }

  wrong(name: string, value: string, expected: string): void {
    this.mistakes.push(`${name} is ${JSON.stringify(value)}, expected ${expected}`)
  }

  /** Names in the file that are no setting: most likely misspelt. What an engine needs that is not chosen now may stay. */
  requireAllKnown(known: ReadonlySet<string>): void {
    for (const name of Object.keys(this.#file)) {
      if (known.has(name)) continue
      const which = `which is no setting of the server${suggestion(name, known)}`
      this.mistakes.push(`the file of ${FILE_SETTING} has ${name}, ${which}`)
    }
  }

  #readFile(path: string): Variables {
    if (path === '') return {}
    try {
      const text = readFileSync(path, 'utf8')
      this.#checkLines(text)
      return parseEnv(text) as Variables
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      this.mistakes.push(`${FILE_SETTING} names a file that cannot be read: ${reason}`)
      return {}
    }
  }

  /** The parser passes over what it does not understand. A line is told by its number: there may be a secret in it. */
  #checkLines(text: string): void {
    const seen = new Set<string>()
    for (const [index, line] of text.split(/\r?\n/).entries()) {
      if (/^\s*(#|$)/.test(line)) continue
      const name = /^\s*(?:export\s+)?([\w.-]+)\s*=/.exec(line)?.[1]
      if (name === undefined)
        this.mistakes.push(`line ${index + 1} of the file of ${FILE_SETTING} is not of the form NAME=value`)
      else if (seen.has(name)) this.mistakes.push(`the file of ${FILE_SETTING} sets ${name} twice`)
      else seen.add(name)
    }
  }
}

function hidePassword(value: string): string {
  if (value === '') return ''
  // What is not a URL with a host may be anything, a password alone as well.
  const url = URL.canParse(value) ? new URL(value) : null
  if (!url?.hostname) return HIDDEN
  if (url.password === '') return value
  return value.replace(/^([^:]+:\/\/[^:@/]*):.*@/, `$1:${HIDDEN}@`)
}
