/** The chunker's first stage (CNT-2): where the gear hash of the bytes before a position is small. */
import { copyBytes } from '../bytes/copy.ts'
import {
  BLOCK_BYTES,
  BYTES_AT,
  FOUND_AT,
  gearMemory,
  gearProgram,
  STRETCH_BYTES,
  TABLE_AT,
  UNROLLED,
} from './gear-program.ts'

/** Each step of the hash shifts out what came 32 bytes before. */
const WINDOW_BYTES = 32
/** The top 14 bits of the hash are zero at one position in 16,384. */
const CANDIDATE_BELOW = 2 ** (32 - 14)

/**
 * The positions from `from` to `end` at which the hash of the bytes before is small, in order; `from` is at least 32.
 * They are looked for as they are asked for. `table` has a word for each byte.
 */
export function* candidates(
  table: Int32Array,
  bytes: Uint8Array,
  from: number,
  end: number,
): Generator<number> {
  machine ??= new Machine()
  for (let first = from; first <= end; first += BLOCK_BYTES) {
    for (const candidate of machine.scan(table, bytes, first, Math.min(end, first + BLOCK_BYTES - 1)))
      yield candidate
  }
}

type Scan = (at: number, stop: number, found: number) => number

/** One for all tables: each memory of a program takes gigabytes of addresses. */
let machine: Machine | null = null

class Machine {
  readonly #memory = gearMemory()
  readonly #table = new Int32Array(this.#memory.buffer, TABLE_AT, 256)
  readonly #bytes = new Uint8Array(this.#memory.buffer, BYTES_AT, WINDOW_BYTES + BLOCK_BYTES)
  readonly #scan: Scan

  constructor() {
    const program = new WebAssembly.Module(gearProgram(WINDOW_BYTES, CANDIDATE_BELOW))
    const { exports } = new WebAssembly.Instance(program, { env: { memory: this.#memory } })
    this.#scan = exports.scan as Scan
  }

  /** Of no more than BLOCK_BYTES positions. What lies behind the last in memory is of no account. */
  scan(table: Int32Array, bytes: Uint8Array, first: number, last: number): Uint32Array {
    this.#table.set(table)
    // The hash at a position is that of the bytes before it.
    const start = first - WINDOW_BYTES
    copyBytes(bytes.subarray(start, last), this.#bytes, 0)
    const at = BYTES_AT + WINDOW_BYTES - 1
    const turns = Math.ceil(Math.min(STRETCH_BYTES, last - first + 1) / UNROLLED)
    const foundEnd = this.#scan(at, at + turns * UNROLLED, FOUND_AT)
    const found = new Uint32Array(this.#memory.buffer, FOUND_AT, (foundEnd - FOUND_AT) / 4)
    return found
      .map((place) => place - BYTES_AT + start)
      .filter((position) => position <= last)
      .sort()
  }
}
