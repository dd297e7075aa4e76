/**
 * The chunker's inner loop as a WebAssembly program, written out instruction by instruction: the same loop in
 * JavaScript checks the bounds of both arrays at every byte and runs at half the speed. Two stretches of the data are
 * hashed at once, because one step of the hash has to wait for the one before it and another stretch does not.
 */

/** Bytes that one run looks at after its warm-up: two stretches that lie one after the other. */
export const STRETCH_BYTES = 8_192
export const BLOCK_BYTES = 2 * STRETCH_BYTES

/** Where things lie in the program's memory: the table, the bytes (with what stands before them), what was found. */
export const TABLE_AT = 0
export const BYTES_AT = 1_024
export const FOUND_AT = BYTES_AT + 2 * BLOCK_BYTES
const PAGE_BYTES = 65_536
/** Room for a candidate at every position. */
const MEMORY_PAGES = Math.ceil((FOUND_AT + 4 * BLOCK_BYTES) / PAGE_BYTES)

/** Written out this many times, so that the loop's own steps count less. */
export const UNROLLED = 4

/** https://webassembly.github.io/spec/core/binary/ */
const [I32, NO_TYPE] = [0x7f, 0x40]
const [LOOP, IF, END, BRANCH_IF] = [0x03, 0x04, 0x0b, 0x0d]
const [GET, SET, TEE] = [0x20, 0x21, 0x22]
const [LOAD, LOAD_BYTE, STORE, CONST] = [0x28, 0x2d, 0x36, 0x41]
const [LESS_UNSIGNED, ADD, SUBTRACT, SHIFT_LEFT] = [0x49, 0x6a, 0x6b, 0x74]

/** Locals: the first three are the parameters. */
const [AT, STOP, FOUND, FIRST, SECOND, AFTER] = [0, 1, 2, 3, 4, 5]

/** The hash of each stretch, and how far behind the first it lies. */
const STRETCHES = [
  { hash: FIRST, offset: 0 },
  { hash: SECOND, offset: STRETCH_BYTES },
] as const
type Stretch = (typeof STRETCHES)[number]

/**
 * A module that imports `env.memory` and exports `scan(at, stop, found)`: it writes the positions behind which the
 * hash of the `windowBytes` bytes before is below `limit`, looking at `at` to `stop` and at as many bytes behind
 * STRETCH_BYTES, as words to `found` on, in no order, and returns where they end. `windowBytes` - 1 bytes before `at`
 * are read too; `stop` - `at` is a multiple of UNROLLED.
 */
export function gearProgram(windowBytes: number, limit: number): Uint8Array<ArrayBuffer> {
  const scan = [...warmUp(windowBytes - 1), ...search(limit), GET, FOUND, END]
  const locals = [1, AFTER + 1 - FIRST, I32]
  const body = [...locals, ...scan]
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 3, I32, I32, I32, 1, I32]),
    ...section(2, [1, ...name('env'), ...name('memory'), 0x02, 0x00, ...unsigned(MEMORY_PAGES)]),
    ...section(3, [1, 0]),
    ...section(7, [1, ...name('scan'), 0x00, 0]),
    ...section(10, [1, ...unsigned(body.length), ...body]),
  ])
}

/** Memory for one instance of the program. */
export function gearMemory(): WebAssembly.Memory {
  return new WebAssembly.Memory({ initial: MEMORY_PAGES })
}

/** Hashes the bytes before `at` without asking what comes out. */
function warmUp(bytes: number): number[] {
  return [
    ...[GET, STOP, SET, AFTER],
    ...[GET, AT, SET, STOP],
    ...[GET, AT, CONST, ...signed(bytes), SUBTRACT, SET, AT],
    ...loop(1, () => STRETCHES.flatMap((stretch) => step(stretch, 0))),
    ...[GET, AFTER, SET, STOP],
  ]
}

function search(limit: number): number[] {
  return loop(UNROLLED, (ahead) => [
    ...STRETCHES.flatMap((stretch) => step(stretch, ahead)),
    ...STRETCHES.flatMap((stretch) => keepIfBelow(limit, stretch, ahead)),
  ])
}

/** From AT to STOP, `count` bytes in each turn. */
function loop(count: number, body: (ahead: number) => number[]): number[] {
  const turns = Array.from({ length: count }, (_, ahead) => body(ahead)).flat()
  const advance = [GET, AT, CONST, ...signed(count), ADD, TEE, AT]
  return [LOOP, NO_TYPE, ...turns, ...advance, GET, STOP, LESS_UNSIGNED, BRANCH_IF, 0, END]
}

/** hash = 2 · hash + table[byte] */
function step({ hash, offset }: Stretch, ahead: number): number[] {
  return [
    ...[GET, hash, CONST, ...signed(1), SHIFT_LEFT],
    ...[GET, AT, LOAD_BYTE, 0, ...unsigned(offset + ahead)],
    ...[CONST, ...signed(2), SHIFT_LEFT, LOAD, 2, ...unsigned(TABLE_AT)],
    ...[ADD, SET, hash],
  ]
}

/** if (hash < limit) memory[found++] = the position behind the byte */
function keepIfBelow(limit: number, { hash, offset }: Stretch, ahead: number): number[] {
  return [
    ...[GET, hash, CONST, ...signed(limit), LESS_UNSIGNED, IF, NO_TYPE],
    ...[GET, FOUND, GET, AT, CONST, ...signed(offset + ahead + 1), ADD, STORE, 2, 0],
    ...[GET, FOUND, CONST, ...signed(4), ADD, SET, FOUND, END],
  ]
}

function section(id: number, content: readonly number[]): number[] {
  return [id, ...unsigned(content.length), ...content]
}

function name(text: string): number[] {
  return [text.length, ...new TextEncoder().encode(text)]
}

/** LEB128. */
function unsigned(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)]
}

/** LEB128 whose last byte shows the sign: of a number that is not negative its bit 6 must be clear. */
function signed(value: number): number[] {
  return value < 0x40 ? [value] : [(value & 0x7f) | 0x80, ...signed(value >>> 7)]
}
