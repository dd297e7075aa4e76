import type { SyncReport } from '@pileus/client/drive/drive'
import { expect, test } from 'vitest'
import { summary } from './sync.ts'

const NOTHING: SyncReport = {
  pushed: 0,
  pulled: 0,
  applied: 0,
  conflicts: [],
  heldDeletions: 0,
  problems: [],
  bytesSent: 0,
  bytesReceived: 0,
  contentSent: 0,
  contentReceived: 0,
}
const problem = { path: 'a', problem: 'permission denied' }

test.each<[string, Partial<SyncReport>]>([
  ['Nothing to do: this device and the server hold the same.', {}],
  ['Sent 1 change (43 B) in 1.0 s.', { pushed: 1, bytesSent: 78, contentSent: 43 }],
  ['Sent 2 changes and made 3 changes here in 1.0 s.', { pushed: 2, applied: 3 }],
  ['Synced all but 2 paths.', { problems: [problem, problem] }],
  ['202 deletions wait for you.', { heldDeletions: 202 }],
  [
    'Sent 1 change in 1.0 s. Synced all but 1 path. 1 deletion waits for you.',
    { pushed: 1, problems: [problem], heldDeletions: 1 },
  ],
])('the last line of a sync says what was done and what is left: %s', (line, report) => {
  expect(summary({ ...NOTHING, ...report }, 1_000)).toBe(line)
})
