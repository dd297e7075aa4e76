/** Programs that end by themselves: backup and restore, and copies on one machine. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { firstLine, run } from '../measure/child.ts'
import type { Carried, Change, Contender, Pair, Rescanned } from './contender.ts'

interface Step {
  /** What the time of this step is called in the table. */
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly cwd?: string
}

interface Copier {
  readonly name: string
  readonly command: string
  readonly versionArgs: readonly string[]
  readonly env: (root: string) => Readonly<Record<string, string>>
  /** Done once before anything is measured. */
  readonly prepare: (places: Places) => readonly Step[]
  /** `turn` counts how often it was asked; the first step looks through A. */
  readonly carry: (places: Places, turn: number) => readonly Step[]
}

interface Places {
  readonly root: string
  readonly a: string
  readonly b: string
  readonly store: string
}

const SECRET = 'correct horse battery'

const COPIERS: readonly Copier[] = [
  {
    name: 'restic',
    command: 'restic',
    versionArgs: ['version'],
    env: (root) => ({ RESTIC_PASSWORD: SECRET, RESTIC_CACHE_DIR: join(root, 'cache') }),
    prepare: ({ store }) => [step('init', 'restic', ['-r', store, 'init'])],
    carry: ({ store, a, b }) => [
      step('backup', 'restic', ['-r', store, 'backup', '.'], a),
      step('restore', 'restic', ['-r', store, 'restore', 'latest', '--target', b]),
    ],
  },
  {
    name: 'borg',
    command: 'borg',
    versionArgs: ['--version'],
    env: (root) => ({ BORG_PASSPHRASE: SECRET, BORG_BASE_DIR: join(root, 'borg') }),
    prepare: ({ store }) => [step('init', 'borg', ['init', '-e', 'repokey-blake2', store])],
    carry: ({ store, a, b }, turn) => [
      step('create', 'borg', ['create', `${store}::${turn}`, '.'], a),
      step('extract', 'borg', ['extract', `${store}::${turn}`], b),
    ],
  },
  {
    name: 'unison',
    command: 'unison',
    versionArgs: ['-version'],
    env: (root) => ({ UNISON: join(root, 'unison') }),
    prepare: () => [],
    carry: ({ a, b }) => [
      step('sync', 'unison', [a, b, '-batch', '-silent', '-confirmbigdel=false', '-times']),
    ],
  },
  {
    name: 'rclone crypt',
    command: 'rclone',
    versionArgs: ['version'],
    env: (root) => ({ RCLONE_CONFIG: join(root, 'rclone.conf') }),
    prepare: ({ root, store }) => {
      // Passwords as rclone obscures them: reversible, and no secret here.
      const obscured = 'AWIkdnOfWMp46BzmCqLdmkLMYdlQTfcqM3cZqqPQBs6CFKz48A'
      const lines = ['[sealed]', 'type = crypt', `remote = ${store}`, `password = ${obscured}`, '']
      writeFileSync(join(root, 'rclone.conf'), lines.join('\n'))
      return [step('check', 'rclone', ['mkdir', 'sealed:'])]
    },
    carry: ({ a, b }) => [
      step('there', 'rclone', ['sync', a, 'sealed:', '--create-empty-src-dirs']),
      step('back', 'rclone', ['sync', 'sealed:', b, '--create-empty-src-dirs']),
    ],
  },
  {
    name: 'rsync',
    command: 'rsync',
    versionArgs: ['--version'],
    env: () => ({}),
    prepare: () => [],
    carry: ({ a, b }) => [step('copy', 'rsync', ['-a', '--delete', `${a}/`, `${b}/`])],
  },
]

export const copiers: readonly Contender[] = COPIERS.map((copier) => ({
  name: copier.name,
  version: () => firstLine(copier.command, copier.versionArgs),
  open: (root) => open(copier, root),
}))

function step(name: string, command: string, args: readonly string[], cwd?: string): Step {
  return { name, command, args, ...(cwd === undefined ? {} : { cwd }) }
}

async function open(copier: Copier, root: string): Promise<Pair> {
  const places = { root, a: join(root, 'a'), b: join(root, 'b'), store: join(root, 'store') }
  mkdirSync(places.a)
  mkdirSync(places.b)
  const env = copier.env(root)
  const peaks: Record<string, number> = {}
  const doStep = async ({ name, command, args, cwd }: Step): Promise<Rescanned> => {
    const ran = await run(command, args, { env, ...(cwd === undefined ? {} : { cwd }) })
    peaks[name] = Math.max(peaks[name] ?? 0, ran.peakBytes)
    return ran
  }
  for (const one of copier.prepare(places)) await doStep(one)
  let turn = 0
  return {
    a: places.a,
    b: places.b,
    live: null,
    async carry({ make }: Change): Promise<Carried> {
      const parts: Record<string, number> = {}
      const processor: Record<string, number> = {}
      make()
      const start = performance.now()
      for (const one of copier.carry(places, turn++)) {
        const { seconds, processorSeconds } = await doStep(one)
        parts[one.name] = seconds
        processor[one.name] = processorSeconds
      }
      const seconds = (performance.now() - start) / 1000
      const steps = Object.keys(parts).length > 1 ? parts : {}
      return { seconds, parts: steps, processor, wireBytes: null, said: null }
    },
    rescan: () => doStep(copier.carry(places, turn++)[0]!),
    peaks: () => {
      const { init: _init, check: _check, ...measured } = peaks
      return measured
    },
    close: async () => {},
  }
}
