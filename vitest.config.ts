import { homedir } from 'node:os'
import { join } from 'node:path'
import { defineConfig } from 'vitest/config'
import { LongestFirst } from './tools/longest-first.ts'

/**
 * Test files that have a process of their own each: they start programs, need engines, measure their own process, change
 * what is one for all of a process, put something in place of a module, or go as deep as its stack lets them.
 */
const ALONE = [
  'bench/src/bench.test.ts',
  'cli/src/*.test.ts',
  'cli/src/{control,device,home,troubles}/**/*.test.ts',
  'client/src/{files,keys}/node*.test.ts',
  'client/src/transfer/**/node*.test.ts',
  'core/src/plan/plan.test.ts',
  'server/src/*.test.ts',
  'server/src/{accounts,blobs,live,move,postgres,zones}/**/*.test.ts',
  'sim/src/*.test.ts',
  'sim/src/{power-loss,torture}/**/*.test.ts',
  'tools/**/*.test.ts',
]

// Whatever tests start is compiled once, not by each process: the simulator, say, half a second of each. Kept where
// `pileus` and the server have their own.
process.env.NODE_COMPILE_CACHE ??= join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'pileus')

export default defineConfig({
  test: {
    // Real processes and key stretching are slow on a busy machine; a hung test still ends. What a test waits for
    // comes as soon as it can, so patience costs nothing where it is not needed.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 30_000 } },
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        extends: true,
        test: { name: 'alone', include: ALONE, globalSetup: ['tools/engines/keeper.ts'] },
      },
      {
        // A process and its modules serve many files: to start anew for each costs more than most of these tests.
        extends: true,
        test: { name: 'together', include: ['*/src/**/*.test.ts'], exclude: ALONE, isolate: false },
      },
    ],
  },
})
