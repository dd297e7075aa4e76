/** What is synced: files whose bytes nobody can compress, the same for every contender of a repetition. */
import { createCipheriv, createHash } from 'node:crypto'
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'

const PIECE_BYTES = 1_048_576
const FOLDERS = 100
/** Sizes as in a folder of source code and documents: 15.5 kB each in the mean. */
const SMALL_KIB = [1, 2, 4, 4, 8, 8, 16, 32, 64]

/** Noise that depends on the seed alone. */
export function noise(seed: string): (bytes: number) => Buffer {
  const cipher = createCipheriv('aes-128-ctr', hash(seed).subarray(0, 16), Buffer.alloc(16))
  return (bytes) => cipher.update(Buffer.alloc(bytes))
}

/** Writes one file of noise. */
export function writeLargeFile(path: string, bytes: number, seed: string): void {
  const next = noise(seed)
  const file = openSync(path, 'wx')
  for (let left = bytes; left > 0; left -= PIECE_BYTES) writeSync(file, next(Math.min(left, PIECE_BYTES)))
  closeSync(file)
}

/** Writes `count` small files into 100 folders below `root`, which must not be there. Returns their bytes. */
export function writeTree(root: string, count: number, seed: string): number {
  const next = noise(seed)
  let total = 0
  for (let folder = 0; folder < FOLDERS; folder++)
    mkdirSync(join(root, folderName(folder)), { recursive: true })
  for (let index = 0; index < count; index++) {
    const [kib = 0, low = 0, high = 0] = next(3)
    const bytes = SMALL_KIB[kib % SMALL_KIB.length]! * 1024 - ((low | (high << 8)) % 1000)
    const name = `f${String(index).padStart(5, '0')}`
    writeFileSync(join(root, folderName(index % FOLDERS), name), next(bytes))
    total += bytes
  }
  return total
}

/** Writes `count` files of up to 1 kB below `root`, 100 in a folder and 100 folders in another. Returns their bytes. */
export function writeTinyFiles(root: string, count: number, seed: string): number {
  const next = noise(seed)
  let total = 0
  for (let index = 0; index < count; index++) {
    const folder = Math.floor(index / FOLDERS)
    const path = join(root, folderName(Math.floor(folder / FOLDERS)), folderName(folder % FOLDERS))
    if (index % FOLDERS === 0) mkdirSync(path, { recursive: true })
    const [low = 0, high = 0] = next(2)
    const bytes = (low | (high << 8)) % 1000
    writeFileSync(join(path, `f${index}`), next(bytes))
    total += bytes
  }
  return total
}

/** Writes a copy of `path` to `aside` with 1 KiB of noise in its middle: what an editor does before it renames. */
export function copyWithInsert(path: string, aside: string, seed: string): void {
  const middle = Math.floor(statSync(path).size / 2)
  const from = openSync(path, 'r')
  const to = openSync(aside, 'wx')
  const buffer = Buffer.alloc(PIECE_BYTES)
  const copy = (start: number, end: number) => {
    for (let at = start; at < end; ) {
      const read = readSync(from, buffer, 0, Math.min(buffer.length, end - at), at)
      if (read === 0) return
      writeSync(to, buffer, 0, read)
      at += read
    }
  }
  copy(0, middle)
  writeSync(to, noise(seed)(1024))
  copy(middle, Number.MAX_SAFE_INTEGER)
  closeSync(from)
  closeSync(to)
}

/** Throws, naming the first difference, unless both folders hold the same names and bytes. */
export function expectSame(a: string, b: string): void {
  const here = filesBelow(a)
  const there = filesBelow(b)
  for (const path of new Set([...here, ...there])) {
    const inBoth = here.has(path) && there.has(path)
    if (!inBoth || !sameBytes(join(a, path), join(b, path)))
      throw new Error(`${a} and ${b} differ in ${path}`)
  }
}

function filesBelow(root: string, path = '', found = new Set<string>()): Set<string> {
  for (const entry of readdirSync(join(root, path), { withFileTypes: true })) {
    if (isForeign(entry.name)) continue
    const at = join(path, entry.name)
    if (entry.isDirectory()) filesBelow(root, at, found)
    else found.add(at)
  }
  return found
}

function sameBytes(a: string, b: string): boolean {
  const { size } = statSync(a)
  if (statSync(b).size !== size) return false
  if (size <= PIECE_BYTES) return readFileSync(a).equals(readFileSync(b))
  const files = [a, b].map((path) => openSync(path, 'r'))
  const buffers = files.map(() => Buffer.alloc(PIECE_BYTES))
  try {
    for (let at = 0; at < size; at += PIECE_BYTES) {
      const [one, other] = files.map((file, index) =>
        buffers[index]!.subarray(0, readSync(file, buffers[index]!, 0, PIECE_BYTES, at)),
      )
      if (!one!.equals(other!)) return false
    }
    return true
  } finally {
    files.forEach(closeSync)
  }
}

/** What a contender keeps in the folder for itself, finished or not. */
function isForeign(name: string): boolean {
  return (
    name === '.pileus' || name.startsWith('.st') || name.includes('.syncthing.') || name.includes('.unison.')
  )
}

function folderName(index: number): string {
  return `d${String(index).padStart(3, '0')}`
}

function hash(data: string): Buffer {
  return createHash('sha256').update(data).digest()
}
