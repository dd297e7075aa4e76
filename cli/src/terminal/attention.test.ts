import type { DriveStatus } from '@pileus/client/drive/drive'
import { expect, test } from 'vitest'
import { stoppedSentence } from './attention.ts'

const at: DriveStatus = { nodes: 9, pending: 0, heldDeletions: 0, problems: [], conflicts: ['two versions'] }
const problems = [
  { path: 'a', problem: 'denied' },
  { path: 'pipe', problem: 'a pipe', leftOut: true as const },
]

test('a sync that is stopped says that everything was sent, or what was not', () => {
  expect(stoppedSentence(true, at)).toBe('Stopped. Everything was sent.')
  expect(stoppedSentence(true, { ...at, problems, heldDeletions: 31 })).toBe(
    'Stopped. Everything was sent but for 1 path and 31 deletions.',
  )
  expect(stoppedSentence(true, { ...at, pending: 1 })).toMatch(
    /^Stopped\. 1 change is left to send: the next/,
  )
  expect(stoppedSentence(false, { ...at, pending: 1_200 })).toMatch(/ 1,200 changes are left to send/)
})

test('nothing is claimed where not all was looked at', () => {
  for (const drive of [at, null])
    expect(stoppedSentence(false, drive)).toMatch(/^Stopped before all was synced/)
})
