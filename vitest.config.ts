import { defineConfig } from 'vitest/config'
import { LongestFirst } from './tools/longest-first.ts'

export default defineConfig({
  test: {
    globalSetup: ['tools/engines/keeper.ts'],
    include: ['*/src/**/*.test.ts', 'tools/**/*.test.ts'],
    // Real processes and key stretching are slow on a busy machine; a hung test still ends. What a test waits for
    // comes as soon as it can, so patience costs nothing where it is not needed.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 30_000 } },
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
  },
})
