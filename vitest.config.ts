import { defineConfig } from 'vitest/config'
import { LongestFirst } from './tools/longest-first.ts'

export default defineConfig({
  test: {
    globalSetup: ['tools/engines/keeper.ts'],
    include: ['*/src/**/*.test.ts', 'tools/**/*.test.ts'],
    // Real processes and key stretching are slow on a busy machine; a hung test still ends.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
  },
})
