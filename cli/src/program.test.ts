import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { createProgram } from './program.ts'
import { pileus } from './running.ts'
import { step } from './story/steps.ts'

const home = mkdtempSync(join(tmpdir(), 'pileus-cli-'))
afterAll(() => rmSync(home, { recursive: true }))
const own = { PILEUS_HOME: join(home, 'device'), HOME: home }
const run = (args: string[], env: Record<string, string> = {}) => pileus(args, { env: { ...own, ...env } })
/** For the many that are alike. */
const runQuickly = (args: string[]) => step(args, own)

test('--help answers in under 0.25 s', async () => {
  await run(['--help'])
  const times: number[] = []
  for (let i = 0; i < 5; i++) {
    const start = performance.now()
    expect((await run(['--help'])).code).toBe(0)
    times.push(performance.now() - start)
  }
  expect(Math.min(...times)).toBeLessThan(250)
})

test('help lists every command, and each has a description and an example', async () => {
  const program = createProgram({ exit: 'ok' })
  const { stdout, code } = await run([])
  expect(code).toBe(0)
  for (const command of program.commands) {
    expect(stdout).toContain(`  ${command.name()}`)
    expect(command.description()).not.toBe('')
    if (command.name() === 'help' || command.commands.length > 0) continue
    const help = await runQuickly(['help', command.name()])
    expect(help.stdout).toContain(`Example:\n  `)
    expect(help.stdout).toContain(`pileus ${command.name()}`)
  }
})

test('variables that mean nothing are named in one line, and not with --quiet', async () => {
  const env = { PILEUS_HOEM: '/elsewhere', PILEUS_PASWORD: 'hush', PILEUS_PORT: '3001' }
  const line =
    'PILEUS_HOEM is set, and means nothing to Pileus: PILEUS_HOME is meant, perhaps. PILEUS_PASWORD is set'
  const named = await run(['status'], env)
  expect(named.stderr.split('\n')).toEqual([
    expect.stringContaining(line),
    expect.stringContaining('Nobody is signed in'),
    '',
  ])
  expect(named.stderr).not.toContain('hush')
  expect((await run(['status', '--quiet'], env)).stderr).toMatch(/^pileus: Nobody is signed in.*\n$/)
})

test('the exit codes are documented', async () => {
  const { stdout, code } = await run(['help', 'exit-codes'])
  expect(code).toBe(0)
  for (const one of [0, 1, 2, 3, 4, 5, 6, 7, 8, 130])
    expect(stdout).toMatch(new RegExp(`^ +${one}  \\w`, 'm'))
})

test.each([
  { args: ['bogus'], says: /Unknown command 'bogus'/ },
  { args: ['statsu'], says: /^pileus: Unknown command 'statsu'\. Did you mean status\? See/ },
  { args: ['sync', '--bogus'], says: /Unknown option '--bogus'/ },
  { args: ['signup'], says: /Missing required argument 'name'/ },
  { args: ['signup', 'a', 'b'], says: /'signup' takes 1 word, and 2 were given\. See/ },
  { args: ['devices', 'all'], says: /'list' takes no words, and 1 was given\. See/ },
  { args: ['signup', 'ana'], says: /Which server\?/ },
  { args: ['signup', 'ana', '--server', 'localhost:3001'], says: /localhost:3001.*http:\/\// },
  {
    args: ['signup', 'Ana Smith', '--server', 'http://localhost:1'],
    says: /"Ana Smith" cannot be an account name/,
  },
  {
    args: ['signup', 'ana', '--server', 'http://localhost:1', '--keys', 'cloud'],
    says: /^pileus: --keys cannot be 'cloud'\. Allowed choices are file, passphrase\./,
  },
  {
    args: ['login', 'ana', '--server', 'http://localhost:1', '--device-name', 'a/b'],
    says: /"a\/b" cannot name a device/,
  },
  { args: ['login', 'ana', '--server', 'http://localhost:1', '--keys', 'file'], says: /set PILEUS_PASSWORD/ },
  { args: ['help', 'bogus'], says: /no command "bogus"/ },
  { args: ['completion', 'csh'], says: /choose bash, zsh or fish/ },
])('pileus $args ends with 2 and one sentence', async ({ args, says }) => {
  const { code, stdout, stderr } = await runQuickly(args)
  expect(stderr).toMatch(says)
  expect(stderr.trimEnd()).toMatch(/^pileus: [^\n]+[.?]( See `pileus --help`\.)?$/)
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
})

test.each(['whoami', 'passwd', 'devices', 'sync --once', 'status', 'ls', 'link .'])(
  'pileus %s ends with 3 when nobody is signed in',
  async (line) => {
    const { code, stderr } = await runQuickly(line.split(' '))
    expect(stderr).toMatch(
      /^pileus: Nobody is signed in at "[^"]+": run `pileus login` or `pileus signup` first\.\n$/,
    )
    expect(code).toBe(3)
  },
)

test('no server there ends with 4', async () => {
  const env = { PILEUS_PASSWORD: 'long enough', PILEUS_KEYS: 'file' }
  const { code, stderr } = await run(['signup', 'ana', '--server', 'http://127.0.0.1:1'], env)
  expect(stderr).toMatch(/^pileus: Cannot reach http:\/\/127\.0\.0\.1:1: [^\n]+\.\n$/)
  expect(code).toBe(4)
})

test('a short password is refused before anything is sent', async () => {
  const env = { PILEUS_PASSWORD: 'short', PILEUS_KEYS: 'file' }
  const { code, stderr } = await run(['signup', 'ana', '--server', 'http://127.0.0.1:1'], env)
  expect(stderr).toContain('at least 8 characters')
  expect(code).toBe(2)
})

test('with --json a failure is an object on stdout as well', async () => {
  const { code, stdout, stderr } = await run(['whoami', '--json'])
  expect(JSON.parse(stdout)).toEqual({ error: { code: 'not-signed-in', message: expect.any(String) } })
  expect(stderr).toContain('Nobody is signed in')
  expect(code).toBe(3)
})

test('a stack trace shows only with PILEUS_DEBUG=1', async () => {
  expect((await run(['whoami'])).stderr).not.toContain('    at ')
  expect((await run(['whoami'], { PILEUS_DEBUG: '1' })).stderr).toContain('    at ')
})

test('a reader that closes early is no failure', () => {
  const main = join(import.meta.dirname, '../bin/pileus.mjs')
  const script = `"${process.execPath}" "${main}" completion fish | head -c 1; "${process.execPath}" "${main}" --help | true`
  const { stderr, stdout } = spawnSync('sh', ['-c', script], { encoding: 'utf8' })
  expect({ stdout, stderr }).toEqual({ stdout: 'c', stderr: '' })
})

test('completion knows every command and option', async () => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { stdout, code } = await run(['completion', shell])
    expect(code).toBe(0)
    for (const word of ['signup', 'devices', 'remove', 'once', 'device-name']) expect(stdout).toContain(word)
  }
})

test('bash completes commands, options, what options take, and folders', async () => {
  const { stdout: script } = await run(['completion', 'bash'])
  const folder = mkdtempSync(join(home, 'words-'))
  mkdirSync(join(folder, 'my music'))
  const offered = (...words: string[]) => {
    const line = words.map((word) => `'${word}'`).join(' ')
    const asked = `COMP_WORDS=(pileus ${line}); COMP_CWORD=${words.length}; _pileus; printf '%s\\n' "\${COMPREPLY[@]}"`
    const { stdout } = spawnSync('bash', ['-c', `${script}\n${asked}`], { cwd: folder, encoding: 'utf8' })
    return stdout.trim().split('\n')
  }
  expect(offered('si')).toEqual(['signup'])
  expect(offered('--home', '/elsewhere', 'sync', '--o')).toEqual(['--once'])
  expect(offered('--home', '=', '/elsewhere', 'devices', 'r')).toEqual(['remove'])
  expect(offered('sync', '--deletions', '')).toEqual(['hold', 'accept', 'undo'])
  expect(offered('login', '--keys', 'p')).toEqual(['passphrase'])
  expect(offered('help', 'ex')).toEqual(['exit-codes'])
  expect(offered('link', 'my')).toEqual(['my music'])
})

test('--version prints the version', async () => {
  expect(await run(['--version'])).toMatchObject({ code: 0, stdout: '0.1.0\n', stderr: '' })
})
