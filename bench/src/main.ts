/**
 * `npm run bench [-- --quick] [-- --only NAME,NAME] [-- --peers NAME,NAME] [-- --folder DIR] [-- --save]`: asks every
 * question of every contender that is installed, prints the tables, and with --save puts them into README.md. The
 * question about a million files is asked only when it is named.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Contender } from './contenders/contender.ts'
import { copiers } from './contenders/copiers.ts'
import { pileus } from './contenders/pileus.ts'
import { pileusOnce } from './contenders/pileus-once.ts'
import { syncthing } from './contenders/syncthing.ts'
import { folderRename } from './folder-rename/question.ts'
import { largeFile } from './large-file/question.ts'
import { manyFiles } from './many-files/question.ts'
import { memoryPerFile } from './memory-per-file/question.ts'
import { middleInsert } from './middle-insert/question.ts'
import { millionFiles } from './million-files/question.ts'
import { type Answer, type Bench, FULL, QUICK, type Question, type Sizes } from './question.ts'
import { type Answered, answeredAsText, machine } from './report/table.ts'
import { rescan } from './rescan/question.ts'
import { saveToVisible } from './save-to-visible/question.ts'

/** A quick run is to end within two minutes. */
const QUICK_PEERS = 'syncthing,restic'
const CONTENDERS: readonly Contender[] = [pileus, pileusOnce, syncthing, ...copiers]
const QUESTIONS: readonly Question[] = [
  largeFile,
  manyFiles,
  middleInsert,
  saveToVisible,
  folderRename,
  rescan,
  memoryPerFile,
]
const ON_REQUEST: readonly Question[] = [millionFiles]
const README = join(import.meta.dirname, '../README.md')
const BEGIN = '<!-- last run -->'
const END = '<!-- /last run -->'

interface Installed {
  readonly contender: Contender
  readonly version: string | null
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      save: { type: 'boolean', default: false },
      only: { type: 'string' },
      peers: { type: 'string' },
      folder: { type: 'string', default: tmpdir() },
      repetitions: { type: 'string' },
      'small-files': { type: 'string' },
      'large-file': { type: 'string' },
      files: { type: 'string' },
    },
  })
  const questions =
    values.only === undefined ? QUESTIONS : chosen([...QUESTIONS, ...ON_REQUEST], values.only, 'question')
  const asked = values.peers ?? (values.quick ? QUICK_PEERS : undefined)
  const peers = asked === undefined ? CONTENDERS : [pileus, ...chosen(CONTENDERS.slice(1), asked, 'peer')]
  const installed = await Promise.all(
    peers.map(async (contender) => ({ contender, version: await contender.version() })),
  )
  const base = values.quick ? QUICK : FULL
  const sizes: Sizes = {
    ...base,
    repetitions: whole(values.repetitions, base.repetitions),
    smallFiles: whole(values['small-files'], base.smallFiles),
    largeFileBytes: whole(values['large-file'], base.largeFileBytes),
    files: whole(values.files, base.files),
  }
  const head = heading(installed, sizes)
  console.log(`${head}\n`)
  using bench = openBench(values.folder, sizes)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => cut(bench))
  const texts: string[] = []
  for (const question of questions) {
    const text = answeredAsText(await ask(bench, question, installed), sizes)
    texts.push(text)
    console.log(text)
    // After each, so that a run that is cut keeps what it found.
    if (values.save) save(`${head}\n\n${texts.join('\n')}`)
  }
}

/** Leaves neither files nor processes behind. */
function cut(bench: Disposable): never {
  bench[Symbol.dispose]()
  process.exit(130)
}

async function ask(bench: Bench, question: Question, installed: readonly Installed[]): Promise<Answered> {
  const answers = new Map<string, Answer>()
  let load = 0
  for (const name of question.contenders) {
    const found = installed.find(({ contender }) => contender.name === name)
    if (!found) continue
    if (found.version === null) answers.set(name, { kind: 'not-measured', why: 'it is not installed' })
    else {
      process.stderr.write(`${question.name}: ${name} …\n`)
      load = Math.max(load, loadavg()[0] ?? 0)
      answers.set(name, await answerOf(bench, question, found.contender))
    }
  }
  return { question, answers, load }
}

/** One contender that fails does not take the others' answers along. */
async function answerOf(bench: Bench, question: Question, contender: Contender): Promise<Answer> {
  try {
    return await question.measure(bench, contender)
  } catch (error) {
    process.exitCode = 1
    return {
      kind: 'not-measured',
      why: `it failed: ${error instanceof Error ? error.message : String(error)}`,
    }
  }
}

function openBench(folder: string, sizes: Sizes): Bench & Disposable {
  const root = mkdtempSync(join(folder, 'pileus-bench-'))
  const remove = (path: string) => rmSync(path, { recursive: true, force: true, maxRetries: 5 })
  return {
    sizes,
    folder: (name) => mkdtempSync(join(root, `${name}-`)),
    discard: remove,
    [Symbol.dispose]: () => remove(root),
  }
}

function chosen<T extends { readonly name: string }>(all: readonly T[], asked: string, what: string): T[] {
  if (asked === 'none') return []
  return asked.split(',').map((name) => {
    const found = all.find((one) => one.name.toLowerCase() === name.trim().toLowerCase())
    if (found) return found
    throw new Error(
      `there is no ${what} ${JSON.stringify(name)}: ask for ${all.map((one) => one.name).join(', ')}`,
    )
  })
}

function whole(text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise
  if (!/^[1-9]\d{0,15}$/.test(text)) throw new Error(`${JSON.stringify(text)} is no whole number above 0`)
  return Number(text)
}

function heading(installed: readonly Installed[], { repetitions }: Sizes): string {
  const versions = installed.map(
    ({ contender, version }) => `${contender.name}: ${version ?? 'not installed'}`,
  )
  return [
    `Measured on ${new Date().toISOString().slice(0, 10)}: ${machine()}.`,
    `Medians of ${repetitions}. ${versions.join('; ')}.`,
  ].join('\n')
}

function save(text: string): void {
  const before = existsSync(README) ? readFileSync(README, 'utf8') : `${BEGIN}\n${END}\n`
  const [head = '', rest = ''] = before.split(BEGIN)
  const tail = rest.split(END)[1] ?? '\n'
  writeFileSync(README, `${head}${BEGIN}\n${text}\n${END}${tail}`)
}

await main()
