/** What `npm run scale` found, as it is kept beside the code: the document is computed from it. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** What one operation costs on one set of engines. */
export interface Cost {
  readonly operation: OperationName
  readonly times: number
  /** One after another, from the request to the whole answer. */
  readonly medianMs: number
  /** Processor time of each process for one operation, in milliseconds; what it uses while nothing happens is taken off. */
  readonly processorMs: Readonly<Record<string, number>>
  /** Bytes of the answer, of the last one. */
  readonly answerBytes: number
}

export const OPERATIONS = {
  signup: 'An account signed up, with its first device and a zone (2 requests)',
  passwordLogin: 'A login with a password (2 requests)',
  deviceLogin: 'A session opened with the device key (2 requests)',
  head: 'A session checked and the head of a zone asked for',
  pushOne: 'A batch of one record committed',
  pushHundred: 'A batch of 100 records committed',
  changesOne: 'The change after a cursor read, one record',
  changesPage: 'A page of 1,000 changed records read',
  missing: 'The server asked which of 16 chunks it lacks',
  packSmall: 'A pack stored: one chunk of 20 kB',
  packLarge: 'A pack stored: 8 MiB in 8 chunks',
  fetchSmall: 'A chunk of 20 kB fetched',
  fetchLarge: 'A chunk of 1 MiB fetched',
  announce: 'An announcement published and heard by two subscribers (the port alone)',
} as const
export type OperationName = keyof typeof OPERATIONS

/** A table as it was at the end: its indexes included, its engine's log of recent writes not. */
export interface TableAtRest {
  readonly table: string
  readonly rows: number
  readonly bytes: number
}

export interface AtRest {
  readonly engine: string
  readonly tables: readonly TableAtRest[]
}

export interface SystemMeasured {
  readonly name: SystemName
  readonly engines: string
  readonly costs: readonly Cost[]
  readonly atRest: AtRest
  /** Processor time per second of each process while nothing happened, in milliseconds. */
  readonly idleMs: Readonly<Record<string, number>>
  /** Of the server process, at the end. */
  readonly serverBytes: number
}
export type SystemName = 'embedded' | 'postgres' | 'cassandra'

export interface Measured {
  readonly day: string
  readonly machine: string
  /** Runnable processes in the minute before, at most: others' work. */
  readonly load: number
  /** Facts, seal and references of a record as it was pushed. */
  readonly recordBytes: number
  readonly systems: readonly SystemMeasured[]
}

const FILE = join(import.meta.dirname, 'measured.json')

export function readMeasured(): Measured {
  return JSON.parse(readFileSync(FILE, 'utf8'))
}

export function saveMeasured(measured: Measured): void {
  writeFileSync(FILE, `${JSON.stringify(measured, null, 2)}\n`)
}
