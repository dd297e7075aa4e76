import { nodeCrypto as crypto, nodeRandom as random } from '@pileus/core/crypto/node'
import { parseId, ROOT } from '@pileus/core/ids/ids'
import { expect, test } from 'vitest'
import { memoryFiles } from '../files/memory.ts'
import { Replica } from '../replica/replica.ts'
import { memoryStore } from '../store/memory.ts'
import { scanFolder, scanScope } from './scan.ts'

function emptyReplica(): Replica {
  const keys = () => {
    throw new Error('nothing is sealed here')
  }
  const zone = parseId('zone', '5'.repeat(64))
  return new Replica({ store: memoryStore(), crypto, random, zone, keys, caseInsensitive: false })
}

function filesWith(count: number) {
  const files = memoryFiles({ clock: () => 0 })
  files.folder.makeDirectory('new')
  for (let n = 0; n < count; n++) files.folder.create(`new/${n}`).close()
  return files
}

const HINT = new Map([['', new Set(['new'])]])

test('a hint at a new folder is followed to all that it holds', () => {
  const scan = scanScope(emptyReplica(), filesWith(100), HINT)
  expect(scan !== 'too-much' && scan.appeared.length).toBe(101)
})

test('what a hint leads to is not held in memory whatever its size: the whole folder is looked at, in portions', () => {
  const files = filesWith(25_000)
  const replica = emptyReplica()
  expect(scanScope(replica, files, HINT)).toBe('too-much')
  const portions = [...scanFolder(replica, files)].filter((portion) => portion !== null)
  const sizes = portions.map(({ appeared }) => appeared.length)
  expect(sizes.reduce((sum, size) => sum + size)).toBe(25_001)
  expect(Math.max(...sizes)).toBeLessThanOrEqual(10_001)
})

test('a hint at all below a folder finds what came where only names would not be looked at, and once', () => {
  const files = memoryFiles({ clock: () => 0 })
  const replica = emptyReplica()
  files.folder.makeDirectory('known')
  files.folder.makeDirectory('known/below')
  const [known, below] = [parseId('record', '1'.repeat(32)), parseId('record', '2'.repeat(32))]
  replica.transaction('lazy', (tx) => {
    const folder = { kind: 'folder', sameness: '', attributes: { mtime: 0, executable: false } } as const
    const named = { known: files.folder.stat('known')!, below: files.folder.stat('known/below')! }
    replica.putDisk(tx, known, { ...folder, ...named.known, parent: ROOT, name: 'known', version: '' })
    replica.putDisk(tx, below, { ...folder, ...named.below, parent: known, name: 'below', version: '' })
  })
  files.folder.create('known/below/unheard').close()
  const found = (scope: [string, 'all' | ReadonlySet<string>][]) => {
    const scan = scanScope(replica, files, new Map(scope))
    return scan === 'too-much' ? scan : scan.appeared.map(({ path }) => path)
  }
  expect(found([['', new Set(['known'])]])).toEqual([])
  expect(found([['known', 'all']])).toEqual(['known/below/unheard'])
  const twice: [string, 'all' | ReadonlySet<string>][] = [
    ['known/below', new Set(['unheard'])],
    ['known', 'all'],
  ]
  expect(found(twice)).toEqual(['known/below/unheard'])
})
