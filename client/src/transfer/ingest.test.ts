import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nodeCrypto as crypto } from '@pileus/core/crypto/node'
import { type ChunkId, idFromBytes, parseId } from '@pileus/core/ids/ids'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FileError } from '../files/files.ts'
import { nodeFiles } from '../files/node.ts'
import type { Remote } from '../remote/remote.ts'
import { ingestFiles } from './ingest.ts'
import { inlineSealing } from './sealing/inline.ts'
import { Uploader } from './uploader.ts'

const zone = parseId('zone', 'ab'.repeat(32))
const keys = { chunkSecret: new Uint8Array(32).fill(1), chunkerKey: new Uint8Array(32).fill(2) }
let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'pileus-ingest-'))
  mkdirSync(join(root, 'folder'))
})
afterEach(() => rmSync(root, { recursive: true }))
const at = (name: string) => join(root, 'folder', name)

/** Ingests these files into a server that takes everything; `meanwhile` is called after each chunk. */
async function ingest(names: readonly string[], meanwhile: (chunks: number) => void = () => {}) {
  const sent: ChunkId[] = []
  const remote = {
    missing: async (_: unknown, ids: readonly ChunkId[]) => {
      sent.push(...ids)
      return { missing: ids, generation: 1 }
    },
    putPack: async () => undefined,
  }
  const uploader = new Uploader(remote as unknown as Remote, zone, crypto)
  const area = nodeFiles({ folder: join(root, 'folder'), work: join(root, 'work') }).folder
  using sealing = inlineSealing(crypto, area)(keys, { files: 1, bytes: 1 })
  let chunks = 0
  const progress = () => meanwhile(++chunks)
  const context = {
    crypto,
    chunkSecret: keys.chunkSecret,
    sealing,
    sink: uploader,
    signal: undefined,
    progress,
  }
  const files = names.map((name) => ({ path: name, size: 3 }))
  const read: [string, unknown][] = []
  for await (const { file, found } of ingestFiles(context, files)) {
    if (found === null) read.push([file.path, 'restless'])
    else if (found instanceof FileError) read.push([file.path, found.code])
    else {
      for (const { id } of found.list.entries) expect(found.refs.ids).toContain(id)
      read.push([file.path, found.hash])
    }
  }
  await uploader.finish()
  return { read, sent }
}

const hashOf = (text: string) => idFromBytes('digest', crypto.sha256(new TextEncoder().encode(text)))

test('files come back in order, each with its content or why not', async () => {
  writeFileSync(at('a'), 'one')
  writeFileSync(at('b'), '')
  mkdirSync(at('d'))
  const { read, sent } = await ingest(['a', 'nothing', 'b', 'd', 'a'])
  expect(read).toEqual([
    ['a', hashOf('one')],
    ['nothing', 'not-found'],
    ['b', hashOf('')],
    ['d', 'is-directory'],
    ['a', hashOf('one')],
  ])
  expect(sent.length).toBe(1)
})

test('a file that changed while it was read is read again after the others, whole', async () => {
  for (const name of ['a', 'b']) writeFileSync(at(name), name)
  const { read } = await ingest(['a', 'b'], (chunks) => chunks === 1 && appendFileSync(at('a'), 'more'))
  expect(read).toEqual([
    ['b', hashOf('b')],
    ['a', hashOf('amore')],
  ])
})

test('a file that never stops changing is given up after three readings, and said so', async () => {
  writeFileSync(at('a'), 'a')
  let chunks = 0
  const { read } = await ingest(['a'], () => {
    chunks++
    appendFileSync(at('a'), 'more')
  })
  expect(read).toEqual([['a', 'restless']])
  expect(chunks).toBe(3)
})
