import { nodeCrypto as crypto, nodeRandom as random } from '@pileus/core/crypto/node'
import { parseId } from '@pileus/core/ids/ids'
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
