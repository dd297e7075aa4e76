import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { blobsContract } from './blobs.contract.ts'
import { fileBlobs } from './files.ts'
import { memoryBlobs } from './memory.ts'

const folder = mkdtempSync(join(tmpdir(), 'pileus-blobs-'))
afterAll(() => rmSync(folder, { recursive: true }))
let folders = 0
const newFolder = () => join(folder, String(++folders))

blobsContract('memory', async () => memoryBlobs())
blobsContract('files', () => fileBlobs(newFolder()))

it('removes at start what an earlier process left half-written', async () => {
  const root = newFolder()
  await fileBlobs(root)
  writeFileSync(join(root, 'incoming', 'left'), 'half')
  await fileBlobs(root)
  expect(readdirSync(join(root, 'incoming'))).toEqual([])
})

it('never makes a path of anything but hex ids', async () => {
  const blobs = await fileBlobs(newFolder())
  await expect(async () =>
    blobs.read({ zone: '../../etc', object: 'passwd' }, 0, new Uint8Array(1)),
  ).rejects.toThrow(RangeError)
})
