/** The README's transcript is what is really printed: its commands are run, in order, and what they print is compared. */
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ServerProcess, startServer } from '../cli/src/story/server.ts'

const ROOT = join(import.meta.dirname, '..')
const PLACE = realpathSync(mkdtempSync(join(tmpdir(), 'pileus-readme-')))
const HOME = join(PLACE, 'ana')
/** Where the README says that the clone lies; here only the server's data do. */
const CLONE = join(HOME, 'pileus')
const BLOCKS = [
  ...readFileSync(join(ROOT, 'README.md'), 'utf8').matchAll(/^```console\n([\s\S]*?)\n```$/gm),
].map(([, block]) => block!)

/** Shown on a terminal only: the test answers by variables. */
const QUESTIONS = [
  'This machine has no keychain that pileus can use. Keep the keys of this device',
  '  1  in a file sealed by a passphrase, asked for at every command',
  '  2  in a file that only this user can read',
  '1 or 2? 2',
  'New password:',
  'The same again:',
  'Password of ana:',
]

let server: ServerProcess

beforeAll(async () => {
  mkdirSync(join(PLACE, 'bin'))
  mkdirSync(CLONE, { recursive: true })
  // What npx finds in the clone.
  const npx = `#!/bin/sh\nshift\nexport npm_lifecycle_event=npx\nexec '${process.execPath}' '${join(ROOT, 'cli/bin/pileus.mjs')}' "$@"\n`
  writeFileSync(join(PLACE, 'bin/npx'), npx, { mode: 0o755 })
  server = await startServer(CLONE)
})
afterAll(async () => {
  // The README's own command, for when one before it failed.
  await shell('npx pileus stop')
  await server?.stop()
  rmSync(PLACE, { recursive: true, force: true })
})

test('the server greets as the README shows', () => {
  const greeting = readFileSync(server.log, 'utf8').replaceAll(/^\{.*\n/gm, '')
  const shown = BLOCKS[0]!.slice(BLOCKS[0]!.indexOf('Pileus server'))
  expect(comparable(greeting.trim())).toBe(comparable(shown))
})

test('the commands of the README print what it shows', { timeout: 180_000 }, async () => {
  for (const { command, output } of BLOCKS.slice(1).flatMap(stepsOf)) {
    const expected = output.filter((line) => !QUESTIONS.includes(line)).join('\n')
    expect(comparable(await shell(command)), command).toBe(comparable(expected))
  }
})

/** The commands of a block, each with the lines it printed. */
function stepsOf(block: string): { command: string; output: string[] }[] {
  const steps: { command: string; output: string[] }[] = []
  for (const line of block.split('\n')) {
    if (line.startsWith('$ ')) steps.push({ command: line.slice(2), output: [] })
    else steps.at(-1)!.output.push(line)
  }
  return steps
}

function shell(command: string): Promise<string> {
  const child = spawn(
    'bash',
    ['-c', `exec 2>&1; ${command.replaceAll('http://localhost:3001', server.url)}`],
    {
      cwd: HOME,
      env: {
        HOME,
        PATH: `${join(PLACE, 'bin')}:${process.env.PATH}`,
        PILEUS_PASSWORD: 'correct horse battery',
        PILEUS_KEYS: 'file',
        LC_ALL: 'C',
      },
    },
  )
  return new Promise((resolve, reject) => {
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
    child.on('error', reject)
    child.on('close', () => resolve(output))
  })
}

/** Without what differs from run to run: addresses, places, times, ids, the phrase, stored sizes. */
function comparable(text: string): string {
  return text
    .replaceAll(server.url, 'http://localhost:3001')
    .replaceAll(HOME, '/home/ana')
    .replaceAll(/ in \d+(\.\d+)? s\./g, ' in … s.')
    .replaceAll(/\d{4}-\d{2}-\d{2}( \d{2}:\d{2})?/g, 'DAY')
    .replaceAll(/^[0-9a-f]{8} /gm, 'ID ')
    .replaceAll(/[\d.]+ kB of /g, '… of ')
    .replaceAll(/(?:^ {2}[ \d]\d [a-z]+ +\d+ .*\n)+/gm, '  (24 numbered words)\n')
    .trimEnd()
}
