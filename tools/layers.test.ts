import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { checkFiles } from './layers.ts'
import { importsOf, readSource } from './source.ts'

/** Findings in a made-up repository, as `severity file:line`. */
function findingsIn(files: Readonly<Record<string, string>>): string[] {
  return checkFiles(Object.keys(files), (file) => files[file]!).map(
    ({ severity, file, line }) => `${severity} ${file}:${line}`,
  )
}

test('imports go down only: core ← client ← cli, core ← server, sim above all', () => {
  expect(
    findingsIn({
      'core/src/a.ts': "import { x } from '@pileus/client/x'\n",
      'client/src/a.ts': "import { x } from '@pileus/core/x'\nimport { y } from '@pileus/server/y'\n",
      'server/src/a.ts': "import { x } from '@pileus/core/x'\nexport { y } from '@pileus/client/y'\n",
      'cli/src/a.ts': "import { x } from '@pileus/client/x'\nconst y = await import('@pileus/server/y')\n",
      'sim/src/a.ts': "import { x } from '@pileus/server/x'\nimport { y } from '@pileus/client/y'\n",
    }),
  ).toEqual([
    'error core/src/a.ts:1',
    'error client/src/a.ts:2',
    'error server/src/a.ts:2',
    'error cli/src/a.ts:2',
  ])
})

test('a relative import stays inside its package', () => {
  expect(
    findingsIn({ 'cli/src/commands/a.ts': "import '../../../server/src/main.ts'\nimport '../main.ts'\n" }),
  ).toEqual(['error cli/src/commands/a.ts:1'])
})

test('core and client touch a platform only in files named after it; tests may', () => {
  const text = "import { readFileSync } from 'node:fs'\n"
  expect(
    findingsIn({
      'core/src/crypto/node.ts': text,
      'client/src/files/node-open.ts': text,
      'client/src/files/browser.ts': text,
      'core/src/crypto/a.test.ts': text,
      'core/src/crypto/a.ts': text,
      'client/src/remote/a.ts': "import { request } from 'undici'\n",
      'server/src/a.ts': text,
    }),
  ).toEqual(['error core/src/crypto/a.ts:1', 'error client/src/remote/a.ts:1'])
})

test('clocks, timers and chance are arguments in core, client and the server rules', () => {
  const uses = [
    'Date.now()',
    'new Date()',
    'Math.random()',
    'setTimeout(f, 1)',
    'crypto.randomUUID()',
    'performance.now()',
  ]
  const text = uses.map((use) => `export const a = ${use}\n`).join('')
  const lines = (file: string) => uses.map((_, index) => `error ${file}:${index + 1}`)
  expect(
    findingsIn({ 'core/src/a.ts': text, 'client/src/node.ts': text, 'server/src/api/a.ts': text }),
  ).toEqual(lines('core/src/a.ts'))
  expect(findingsIn({ 'server/src/rules/a.ts': text })).toEqual(lines('server/src/rules/a.ts'))
})

test('a date made from a number is no clock, and comments and strings are not code', () => {
  expect(
    findingsIn({
      'core/src/a.ts':
        "// Date.now() and import 'node:fs'\nconst a = new Date(5)\nconst b = 'Math.random()'\n" +
        `const c = \`setTimeout \${a} Date.now()\`\nconst d = /Math.random/\n/* new Date() */\n`,
    }),
  ).toEqual([])
  expect(findingsIn({ 'core/src/a.ts': `const c = \`at \${\`\${Date.now()}\`} o\`\n` })).toEqual([
    'error core/src/a.ts:1',
  ])
})

test('folders that say nothing, barrel files, long files and machine paths are found', () => {
  expect(
    findingsIn({
      'core/src/utils/a.ts': '',
      'core/src/records/index.ts': '',
      'core/src/long.ts': '\n'.repeat(420),
      'core/src/longer.ts': '\n'.repeat(520),
      'docs/a.md': `run it in ${'/wo'}rk/main\n`,
      'cli/src/a.ts': `const home = '${'/ro'}ot/.pileus'\n`,
    }),
  ).toEqual([
    'error core/src/utils/a.ts:0',
    'error core/src/records/index.ts:0',
    'warning core/src/long.ts:0',
    'error core/src/longer.ts:0',
    'error docs/a.md:1',
    'error cli/src/a.ts:1',
  ])
})

test('a workspace unknown to the table, and a lock file npm would refuse, are found', () => {
  const lock = {
    packages: {
      'node_modules/a': { optionalDependencies: { b: '1', c: '1' } },
      'node_modules/b': { resolved: 'https://registry.example/b.tgz' },
    },
  }
  expect(
    findingsIn({
      'package.json': JSON.stringify({ workspaces: ['core', 'novel'] }),
      'package-lock.json': JSON.stringify(lock),
    }),
  ).toEqual(['error package.json:0', 'error package-lock.json:0', 'error package-lock.json:0'])
})

test('every form of import is read, with its line', () => {
  const text =
    "import a from 'a'\nimport type { B } from 'b'\nimport {\n  c,\n} from 'c'\nexport * from 'd'\n" +
    "import 'e'\nconst f = await import('f')\nconst g = \"import 'g'\"\n"
  expect(importsOf(readSource(text))).toEqual([
    { specifier: 'a', line: 1 },
    { specifier: 'b', line: 2 },
    { specifier: 'c', line: 5 },
    { specifier: 'd', line: 6 },
    { specifier: 'e', line: 7 },
    { specifier: 'f', line: 8 },
  ])
})

test('as a program it ends with 1 on an error and 0 without', () => {
  const root = mkdtempSync(join(tmpdir(), 'pileus-layers-'))
  try {
    spawnSync('git', ['init', '-q'], { cwd: root })
    const run = () =>
      spawnSync(process.execPath, [join(import.meta.dirname, 'layers.ts'), root], { encoding: 'utf8' })
    plant(root, 'core/src/fine.ts', 'export const a = 1\n')
    expect(run().status).toBe(0)
    plant(root, 'core/src/clock.ts', 'export const a = Date.now()\n')
    const found = run()
    expect(found.stdout).toContain('error core/src/clock.ts:1  Date.now is ambient')
    expect(found.status).toBe(1)
  } finally {
    rmSync(root, { recursive: true })
  }
})

function plant(root: string, file: string, text: string): void {
  mkdirSync(join(root, dirname(file)), { recursive: true })
  writeFileSync(join(root, file), text)
}
