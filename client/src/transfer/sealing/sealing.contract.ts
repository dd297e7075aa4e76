/** What every engine of sealing promises, on a real disk. */
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chunkIdOf, sealChunk } from '@pileus/core/content/chunk'
import { chunkerKey, cutLength } from '@pileus/core/content/chunker'
import { nodeCrypto as crypto } from '@pileus/core/crypto/node'
import { idFromBytes } from '@pileus/core/ids/ids'
import { CHUNK_MAX_BYTES, CHUNK_MIN_BYTES } from '@pileus/core/limits'
import type { ChunkEntry } from '@pileus/core/records/record'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { nodeFiles } from '../../files/node.ts'
import type { Outcome, Sealing, SealingKeys, SourceFile } from './sealing.ts'

const MiB = 1024 * 1024
export const KEYS: SealingKeys = {
  chunkSecret: new Uint8Array(32).map((_, n) => n + 1),
  chunkerKey: new Uint8Array(32).fill(7),
}

export interface Places {
  readonly folder: string
  readonly work: string
}

interface SealedFile {
  readonly path: string
  readonly entries: readonly ChunkEntry[]
  readonly outcome: Outcome
}

/** Bytes that look random and are the same every time. */
export function noise(length: number, seed = 1): Uint8Array {
  const words = new Uint32Array(Math.ceil(length / 4))
  let state = seed
  for (let n = 0; n < words.length; n++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    words[n] = state ^ (state >>> 15)
  }
  return new Uint8Array(words.buffer, 0, length)
}

/** The chunks of these bytes by the definition, all at once. */
function plainly(bytes: Uint8Array): ChunkEntry[] {
  const key = chunkerKey(crypto, KEYS.chunkerKey)
  const entries: ChunkEntry[] = []
  for (let at = 0; at < bytes.length; ) {
    const data = bytes.subarray(at, at + cutLength(key, bytes.subarray(at), true))
    entries.push(sealChunk(crypto, KEYS.chunkSecret, data).entry)
    at += data.length
  }
  return entries
}

/** Takes all pieces. `meanwhile` is called after the first chunk of each file. */
export async function takeAll(
  sealing: Sealing,
  files: Iterable<SourceFile>,
  meanwhile: (path: number) => void = () => {},
  signal?: AbortSignal,
): Promise<SealedFile[]> {
  const sealed: SealedFile[] = []
  let entries: ChunkEntry[] = []
  for await (const piece of sealing.seal(files, signal)) {
    if (piece.type === 'end') {
      sealed.push({ path: piece.file.path, entries, outcome: piece.outcome })
      entries = []
      continue
    }
    if (piece.bytes) expect(chunkIdOf(crypto, piece.bytes)).toBe(piece.entry.id)
    entries.push(piece.entry)
    if (entries.length === 1) meanwhile(sealed.length)
  }
  expect(entries).toEqual([])
  return sealed
}

export function sealingContract(name: string, open: (places: Places) => Sealing): void {
  describe(`sealing ${name}`, () => {
    let root: string
    let places: Places
    let sealing: Sealing
    beforeEach(() => {
      root = realpathSync(mkdtempSync(join(tmpdir(), 'pileus-sealing-')))
      places = { folder: join(root, 'folder'), work: join(root, 'work') }
      mkdirSync(places.folder)
      sealing = open(places)
    })
    afterEach(() => {
      sealing[Symbol.dispose]()
      rmSync(root, { recursive: true })
    })

    const at = (path: string) => join(places.folder, path)
    function write(path: string, bytes: Uint8Array): SourceFile {
      writeFileSync(at(path), bytes)
      return { path, size: bytes.length }
    }

    test('gives the chunks of each file by the definition, in order, with its hash and stat', async () => {
      const lengths = [
        0,
        1,
        1_000,
        CHUNK_MIN_BYTES - 1,
        CHUNK_MIN_BYTES,
        CHUNK_MIN_BYTES + 1,
        25 * MiB + 3,
        7,
        CHUNK_MAX_BYTES,
        CHUNK_MAX_BYTES + 1,
        6 * MiB,
        8 * MiB,
        8 * MiB + 1,
        0,
      ]
      const contents = [...lengths.map((length, n) => noise(length, n)), new Uint8Array(17 * MiB)]
      const files = contents.map((bytes, n) => write(`file ${n}`, bytes))
      const sealed = await takeAll(sealing, files)
      expect(sealed.map(({ path }) => path)).toEqual(files.map(({ path }) => path))
      const area = nodeFiles(places).folder
      for (const [n, { path, entries, outcome }] of sealed.entries()) {
        expect(entries, path).toEqual(plainly(contents[n]!))
        const hash = idFromBytes('digest', crypto.sha256(contents[n]!))
        expect(outcome, path).toEqual({ type: 'sealed', hash, stat: area.stat(path) })
      }
    })

    test('gives many small files in order, and looks no further ahead than memory allows', async () => {
      mkdirSync(at('many'))
      const files = Array.from({ length: 800 }, (_, n) => write(`many/${n}`, noise(n * 10, n)))
      let asked = 0
      function* asking() {
        for (const file of files) {
          asked++
          yield file
        }
      }
      const askedThen: number[] = []
      const sealed = await takeAll(sealing, asking(), (n) => askedThen.push(asked - n))
      expect(sealed.map(({ path }) => path)).toEqual(files.map(({ path }) => path))
      expect(sealed.every(({ entries }, n) => entries.length === (n === 0 ? 0 : 1))).toBe(true)
      expect(Math.max(...askedThen)).toBeLessThan(500)
    })

    test('a file that changes while it is read is said to, and the next is read all the same', async () => {
      const content = noise(45 * MiB)
      const changes: [string, (path: string) => void, number][] = [
        ['grows', (path) => appendFileSync(path, 'more'), content.length + 4],
        ['shrinks', (path) => truncateSync(path, 3 * MiB), 3 * MiB],
        ['goes', (path) => unlinkSync(path), 0],
        ['is replaced', (path) => renameSync(at('other'), path), 5],
      ]
      for (const [what, change, size] of changes) {
        write('other', noise(5))
        const files = [write('long', content), write('next', noise(100))]
        const sealed = await takeAll(sealing, files, (n) => n === 0 && change(at('long')))
        expect(sealed[0]!.outcome, what).toEqual({ type: 'changed', size })
        expect(sealed[1]).toMatchObject({ entries: plainly(noise(100)), outcome: { type: 'sealed' } })
      }
    })

    test('a file that is larger by now than it was when looked at is sealed, or said to have changed', async () => {
      const content = noise(30 * MiB)
      write('grown', content)
      const [sealed] = await takeAll(sealing, [{ path: 'grown', size: 10 }])
      if (sealed!.outcome.type === 'sealed') expect(sealed!.entries).toEqual(plainly(content))
      else expect(sealed!.outcome).toEqual({ type: 'changed', size: content.length })
    })

    test('what cannot be read is told with its reason, and the next is read all the same', async () => {
      mkdirSync(at('folder'))
      symlinkSync('folder', at('link'))
      write('folder/file', noise(5))
      const paths = ['nothing', 'folder', 'link', 'link/file', 'folder/file']
      for (const size of [5, 50 * MiB]) {
        const sealed = await takeAll(
          sealing,
          paths.map((path) => ({ path, size })),
        )
        const codes = sealed.map(({ outcome }) =>
          outcome.type === 'failed' ? outcome.error.code : outcome.type,
        )
        expect(codes).toEqual(['not-found', 'is-directory', 'not-file', 'not-directory', 'sealed'])
        const first = sealed[0]!.outcome
        expect(first).toMatchObject({
          error: { message: 'cannot read "nothing": there is nothing at this path' },
        })
      }
    })

    test('an abort ends it with the reason, wherever it is', async () => {
      const files = [write('long', noise(40 * MiB)), write('short', noise(10))]
      for (const when of ['before', 'between chunks']) {
        const abort = new AbortController()
        if (when === 'before') abort.abort(new Error('enough'))
        const taking = takeAll(sealing, files, () => abort.abort(new Error('enough')), abort.signal)
        await expect(taking, when).rejects.toThrow('enough')
        sealing[Symbol.dispose]()
        sealing = open(places)
      }
    })

    test('when the files cannot be named, that is the failure', async () => {
      const file = write('file', noise(10))
      function* broken(): Generator<SourceFile> {
        yield file
        throw new Error('no more')
      }
      await expect(takeAll(sealing, broken())).rejects.toThrow('no more')
    })

    test('it can be asked again, and left in the middle', async () => {
      const long = write('long', noise(30 * MiB))
      for await (const piece of sealing.seal([long])) {
        expect(piece.type).toBe('chunk')
        break
      }
      const [again] = await takeAll(sealing, [long])
      expect(again!.entries).toEqual(plainly(readFileSync(at('long'))))
    })
  })
}
