/** Runs the test files that take longest first, so that two workers end at about the same time. */
import { relative } from 'node:path'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Longest first; whatever is not named here takes seconds. */
const LONGEST = [
  'sim/src/torture/kills.test.ts',
  'cli/src/two-servers.test.ts',
  'sim/src/run.test.ts',
  'cli/src/troubles/network.test.ts',
  'server/src/zones/quorum.test.ts',
  'cli/src/story.test.ts',
  'cli/src/troubles/folder.test.ts',
  'cli/src/one-folder.test.ts',
  'cli/src/bad-input.test.ts',
  'cli/src/move.test.ts',
  'server/src/zones/killed.test.ts',
  'server/src/zones/zones.test.ts',
  'cli/src/full-disk.test.ts',
  'cli/src/live.test.ts',
  'cli/src/direct.test.ts',
  'cli/src/troubles/sign-in.test.ts',
  'cli/src/control/control.test.ts',
  'sim/src/scenarios/live.test.ts',
  'cli/src/account.test.ts',
  'cli/src/disks.test.ts',
  'server/src/zones/cassandra.test.ts',
  'tools/deploy/container.test.ts',
  'server/src/move/move.test.ts',
  'cli/src/writers.test.ts',
  'server/src/zones/large-zone.test.ts',
  'cli/src/three-devices.test.ts',
  'client/src/transfer/sealing/node-workers.test.ts',
  'server/src/main.test.ts',
  'sim/src/scenarios/kinds.test.ts',
  'cli/src/program.test.ts',
  'server/src/move/engines.test.ts',
  'sim/src/scenarios/line.test.ts',
  'bench/src/bench.test.ts',
  'tools/readme.test.ts',
  'server/src/engines.test.ts',
  'sim/src/accounts/account.test.ts',
  'sim/src/hostile/records.test.ts',
  'core/src/content/chunker.test.ts',
  'core/src/tree/view.test.ts',
  'sim/src/scenarios/transfer.test.ts',
  'server/src/accounts/accounts.test.ts',
  'sim/src/hostile/keys.test.ts',
  'sim/src/scenarios/restored.test.ts',
  'sim/src/power-loss/server.test.ts',
  'core/src/plan/random-trees.test.ts',
]

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = (file: TestSpecification): number => {
      const at = LONGEST.indexOf(relative(this.ctx.config.root, file.moduleId))
      return at < 0 ? LONGEST.length : at
    }
    // Those that share a process come last and in one row: a process is kept only while the next file can have it.
    const shares = (file: TestSpecification): number => (file.project.config.isolate ? 0 : 1)
    return (await super.sort(files)).sort((a, b) => shares(a) - shares(b) || place(a) - place(b))
  }
}
