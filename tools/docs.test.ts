/** The documents say what is: their links lead somewhere, rules that tests cite exist, commands they show exist. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { expect, test } from 'vitest'
import { createProgram } from '../cli/src/program.ts'

const ROOT = join(import.meta.dirname, '..')
const FILES = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: ROOT,
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => existsSync(join(ROOT, file)) && file !== '')
const DOCUMENTS = FILES.filter((file) => file.endsWith('.md'))
const TESTS = FILES.filter((file) => /\.(test|contract)\.ts$/.test(file) && !file.startsWith('tools/'))
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8')

test('every relative link in a document leads to a file and a heading', () => {
  const broken: string[] = []
  for (const document of DOCUMENTS) {
    for (const [, target] of prose(read(document)).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target!)) continue
      const [path, heading] = target!.split('#') as [string, string?]
      const file = path === '' ? document : relative(ROOT, join(ROOT, dirname(document), path))
      const leads = existsSync(join(ROOT, file)) && (!heading || headings(read(file)).includes(heading))
      if (!leads) broken.push(`${document}: ${target}`)
    }
  }
  expect(broken).toEqual([])
})

test('every source file that a document names exists', () => {
  const missing: string[] = []
  for (const document of DOCUMENTS) {
    for (const [, path] of read(document).matchAll(/`([\w./-]+\.(?:ts|mjs))`/g)) {
      // Inside a section about one package its name may be left out.
      if (!FILES.some((file) => file === path || file.endsWith(`/${path}`)))
        missing.push(`${document}: ${path}`)
    }
  }
  expect(missing).toEqual([])
})

test('every rule, scenario and attack class that a test cites is in docs/spec or docs/security.md', () => {
  const spec = FILES.filter((file) => /^docs\/spec\/.*\.md$/.test(file))
    .map(read)
    .join('\n')
  const rules = [...spec.matchAll(/\*\*([A-Z]{2,5})-(\d+)\*\*/g)].map(([, prefix, n]) => `${prefix}-${n}`)
  const numbered = (text: string, row: RegExp) => [...text.matchAll(row)].map(([, id]) => id!)
  const engine = numbered(read('docs/spec/sync.md'), /^\| (R\d+) \|/gm)
  const scenarios = numbered(read('docs/scenarios.md'), /^\| (\d+) \|/gm)
  const attacks = numbered(read('docs/security.md'), /^\| (\d+) \|/gm)
  expect(engine).toHaveLength(15)
  expect(scenarios).toHaveLength(18)
  expect(attacks).toHaveLength(13)

  const prefixes = [...new Set(rules.map((rule) => rule.split('-')[0]))].join('|')
  const known = new Set([...rules, ...engine])
  const range = new RegExp(`\\b(?:${prefixes})-\\d+ (?:to|and on)\\b(?: (?:${prefixes})-\\d+)?`, 'g')
  const unknown: string[] = []
  for (const file of TESTS) {
    const text = read(file)
    // A range may end on a number that is still free.
    for (const [id] of text
      .replace(range, '')
      .matchAll(new RegExp(`\\b(?:${prefixes})-\\d+\\b|\\bR\\d+\\b`, 'g')))
      if (!known.has(id)) unknown.push(`${file}: ${id}`)
    for (const [, id] of text.matchAll(/\bscenario (\d+)/g))
      if (!scenarios.includes(id!)) unknown.push(`${file}: scenario ${id}`)
    for (const [, id] of text.matchAll(/\battack (\d+)/g))
      if (!attacks.includes(id!)) unknown.push(`${file}: attack ${id}`)
  }
  expect(unknown).toEqual([])
})

test('docs/scenarios.md names the tests of each scenario, which are there and cite its number, and leaves none out', () => {
  const wrong: string[] = []
  const listed = new Set<string>()
  for (const [, number, cell] of read('docs/scenarios.md').matchAll(
    /^\| (\d+) \|[^|]*\|[^|]*\| (.*) \|$/gm,
  )) {
    for (const entry of cell!.split('<br>')) {
      const [, file, title] = /^`([^`]+)`: (.*)$/.exec(entry) ?? []
      listed.add(`${file}: ${title}`)
      const cites = new RegExp(`\\bscenario ${number}\\b`).test(title ?? '')
      if (!cites || !titlesIn(file!).includes(title!)) wrong.push(`scenario ${number}: ${entry}`)
    }
  }
  const tests = TESTS.filter((file) => /^(cli|sim)\//.test(file))
  for (const file of tests)
    for (const title of titlesIn(file))
      if (!listed.has(`${file}: ${title}`)) wrong.push(`not listed: ${file}: ${title}`)
  expect(wrong).toEqual([])
})

/** The names of tests and groups of tests in a file that cite a scenario. */
function titlesIn(file: string): string[] {
  if (!TESTS.includes(file)) return []
  return [...read(file).matchAll(/(['`])((?:(?!\1)[^\n\\]|\\.)*\bscenario \d(?:(?!\1)[^\n\\]|\\.)*)\1/g)].map(
    ([, , title]) => title!,
  )
}

test('the index of the spec names every rule and no other', () => {
  const index = read('docs/spec/README.md')
  for (const [, file, cell] of index.matchAll(/^\| \[(\w+\.md)\]\(\1\) \|[^|]*\| ([^|]*) \|$/gm)) {
    const text = read(`docs/spec/${file}`)
    const defined = [...text.matchAll(/\*\*([A-Z]{2,5}-\d+)\*\*|^\| (R\d+) \|/gm)].map(([, a, b]) => a ?? b!)
    const named = cell!.split(', ').flatMap(rangeOf)
    expect(named, `${file} defines ${defined.at(0)} to ${defined.at(-1)}`).toEqual(
      expect.arrayContaining(defined),
    )
    expect(defined, file).toContain(named[0])
    expect(defined, file).toContain(named.at(-1))
  }
})

test('every command that the documents show exists, with its options', () => {
  const program = createProgram({ exit: 'ok' })
  const scripts = (JSON.parse(read('package.json')) as { scripts: Record<string, string> }).scripts
  const wrong: string[] = []
  for (const document of ['README.md', 'docs/cli.md', 'docs/architecture.md']) {
    const text = read(document)
    for (const [line, rest] of text.matchAll(/npx pileus((?: [^\s`|]+)+)/g)) {
      const words = rest!.trim().split(' ')
      const globals = program.options.map((option) => option.long)
      const command = program.commands.find((one) => words.includes(one.name()))
      const options = words.filter((word) => word.startsWith('--'))
      const allowed = [...globals, '--help', ...(command?.options ?? []).map((option) => option.long)]
      const known = options.every((option) => allowed.includes(option))
      if ((!command && !options.includes('--help')) || !known) wrong.push(`${document}: ${line}`)
    }
    for (const [line, script] of text.matchAll(/\bnpm (?:run )?(start|test|[a-z]+(?=`))/g))
      if (scripts[script!] === undefined) wrong.push(`${document}: ${line}`)
  }
  expect(wrong).toEqual([])
})

/** Without what stands in code blocks and code spans. */
function prose(text: string): string {
  return text.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, '')
}

/** The anchors that GitHub makes of the headings. */
function headings(text: string): string[] {
  return [...text.replace(/^```[\s\S]*?^```/gm, '').matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

/** `REC-1 to REC-3` → its ids; a single id → itself. */
function rangeOf(text: string): string[] {
  const [first, last] = text.trim().split(' to ') as [string, string?]
  if (!last) return [first]
  const prefix = first.replace(/\d+$/, '')
  const from = Number(first.slice(prefix.length))
  const to = Number(last.slice(prefix.length))
  return Array.from({ length: to - from + 1 }, (_, index) => `${prefix}${from + index}`)
}
