/** Test helper: a real tree of thousands of files, with everything odd that a disk can hold, and what it is. */
import { createHash, randomBytes } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'

const COPIED_FILE_MAX_BYTES = 64 * 1024

/** Copies real files out of `source` until there are `count`; links and executable bits are kept. */
export function copyRealTree(source: string, target: string, count: number): void {
  let left = count
  const walk = (path: string) => {
    for (const entry of readdirSync(join(source, path), { withFileTypes: true })) {
      const at = join(path, entry.name)
      if (left === 0) return
      if (entry.isDirectory()) walk(at)
      else if (entry.isSymbolicLink() || lstatSync(join(source, at)).size <= COPIED_FILE_MAX_BYTES) {
        copyOne(join(source, at), join(target, at))
        left--
      }
    }
  }
  walk('')
  if (left > 0) throw new Error(`${source} has ${left} files too few`)
}

function copyOne(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true })
  const stat = lstatSync(from)
  if (stat.isSymbolicLink()) symlinkSync(readlinkSync(from), to)
  else {
    copyFileSync(from, to)
    chmodSync(to, stat.mode & 0o111 ? 0o755 : 0o644)
  }
}

/** What copied trees never have: each is something that a sync once got wrong. */
export function plantOddities(root: string): void {
  const put = (path: string, content: string | Uint8Array, seconds = 1_600_000_000.123456) => {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), content)
    // A Date, because Node takes a negative number for now.
    const time = new Date(seconds * 1_000)
    lutimesSync(join(root, path), seconds < 0 ? time : seconds, seconds < 0 ? time : seconds)
  }
  put('odd/nothing in here.txt', '')
  put('odd/one byte.bin', new Uint8Array([7]))
  put('odd/several chunks of noise.bin', randomBytes(9_000_001))
  put('odd/before the epoch.txt', 'written in 1938\n', -1_000_000_000.5)
  put('odd/far in the future.txt', 'written in 2100\n', 4_102_444_800.000001)
  put('odd/quote\'"`$(touch no)\nnew line', 'a name that shells hate\n')
  put('odd/-rf', 'a name that starts with a dash\n')
  put('odd/ñandú 🙂 naïve.txt', 'not ASCII\n')
  put(`odd/${'n'.repeat(251)}.txt`, 'a name of 255 bytes\n')
  put(`odd/${'deep/'.repeat(60)}bottom.txt`, 'sixty folders down\n')
  put('odd/run me.sh', '#!/bin/sh\necho ran\n')
  chmodSync(join(root, 'odd/run me.sh'), 0o755)
  mkdirSync(join(root, 'odd/empty folder/inside an empty one'), { recursive: true })
  symlinkSync('one byte.bin', join(root, 'odd/link to a file'))
  symlinkSync('../odd', join(root, 'odd/link to its own folder'))
  symlinkSync('/nowhere/at all', join(root, 'odd/link to nothing'))
}

/** Path → everything about it that must be equal on every device. The root marker is each device's own. */
export function describeTree(root: string): Map<string, string> {
  return treeOf(root, ({ path }) => createHash('sha256').update(readFileSync(path)).digest('hex'))
}

/**
 * The same with no more than sizes for contents: for whoever asks again and again until something has come, since
 * reading everything each time keeps the processor from what is waited for.
 */
export function outlineTree(root: string): Map<string, string> {
  return treeOf(root, ({ size }) => `of ${size} bytes`)
}

type Contents = (file: { readonly path: string; readonly size: bigint }) => string

function treeOf(root: string, contents: Contents): Map<string, string> {
  const found = new Map<string, string>()
  const walk = (path: string) => {
    for (const name of readdirSync(join(root, path))) {
      const at = path === '' ? name : `${path}/${name}`
      if (at === '.pileus') continue
      found.set(at, describeOne(join(root, at), contents))
      if (found.get(at) === 'folder') walk(at)
    }
  }
  walk('')
  return found
}

function describeOne(path: string, contents: Contents): string {
  const stat = lstatSync(path, { bigint: true })
  if (stat.isDirectory()) return 'folder'
  if (stat.isSymbolicLink()) return `link to ${readlinkSync(path)}`
  const { mtimeNs, mode, size } = stat
  const microseconds = mtimeNs / 1_000n - (mtimeNs < 0n && mtimeNs % 1_000n !== 0n ? 1n : 0n)
  return `file ${contents({ path, size })} ${mode & 0o111n ? 'executable' : 'plain'} ${microseconds} µs`
}

/** Where two trees differ: one line each, at most twenty. */
export function differences(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): string[] {
  const lines: string[] = []
  for (const path of new Set([...a.keys(), ...b.keys()])) {
    if (a.get(path) === b.get(path)) continue
    lines.push(`${path}: ${a.get(path) ?? 'absent'} | ${b.get(path) ?? 'absent'}`)
  }
  return lines.slice(0, 20)
}
