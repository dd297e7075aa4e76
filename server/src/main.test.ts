/** The real process: start, stop, restart, and what it says when it cannot start. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { ask, get, newZone, pushOf, signUp } from './api/fixtures.ts'

const folder = mkdtempSync(join(tmpdir(), 'pileus-main-'))
const children: ChildProcess[] = []
let folders = 0
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})
afterAll(() => rmSync(folder, { recursive: true }))

interface Started {
  readonly child: ChildProcess
  readonly output: () => string
  readonly exit: Promise<number | null>
  readonly url: Promise<string>
}

function start(environment: Record<string, string>, args: readonly string[] = []): Started {
  const child = spawn(process.execPath, [join(import.meta.dirname, '../bin/pileus-server.mjs'), ...args], {
    env: {
      PATH: process.env.PATH ?? '',
      HOME: process.env.HOME ?? '',
      PILEUS_LOG_LEVEL: 'warn',
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  children.push(child)
  let output = ''
  const exit = new Promise<number | null>((resolve) => child.once('exit', resolve))
  const url = new Promise<string>((resolve, reject) => {
    const read = (data: Buffer) => {
      output += data
      const found = /listens on (\S+)/.exec(output)
      if (found && output.includes('Ctrl-C')) resolve(found[1]!)
    }
    child.stdout!.on('data', read)
    child.stderr!.on('data', read)
    void exit.then(() => reject(new Error(`the server ended: ${output}`)))
  })
  url.catch(() => undefined)
  return { child, output: () => output, exit, url }
}

const newFolder = () => join(folder, String(++folders))

describe('the server process', () => {
  it('says what to type next, stops on SIGTERM, and keeps all data over a restart', async () => {
    const environment = { PILEUS_PORT: '0', PILEUS_DATA: newFolder() }
    const first = start(environment)
    const url = await first.url
    expect(first.output()).toContain(`npx pileus signup --server ${url} NAME`)
    const ana = await signUp(url, 'ana')
    const zone = await newZone(ana)
    await get(url, 'push', { token: ana.token, message: pushOf(ana, zone, [{}, {}]) })
    first.child.kill('SIGTERM')
    expect(await first.exit).toBe(0)
    const second = start(environment)
    const page = await get(await second.url, 'changes', { token: ana.token, params: { zone: zone.zone } })
    expect(page.changes).toHaveLength(2)
    second.child.kill('SIGINT')
    expect(await second.exit).toBe(0)
  })

  it('keeps what it acknowledged when it is killed', async () => {
    const environment = { PILEUS_PORT: '0', PILEUS_DATA: newFolder() }
    const first = start(environment)
    const ana = await signUp(await first.url, 'ana')
    const zone = await newZone(ana)
    const { head } = await get(await first.url, 'push', {
      token: ana.token,
      message: pushOf(ana, zone, [{}]),
    })
    first.child.kill('SIGKILL')
    await first.exit
    const second = start(environment)
    expect(await get(await second.url, 'zone', { token: ana.token, params: { zone: zone.zone } })).toEqual(
      head,
    )
  })

  it('finishes an accepted request before it stops', async () => {
    const server = start({ PILEUS_PORT: '0', PILEUS_DATA: newFolder() })
    const url = await server.url
    const ana = await signUp(url, 'ana')
    const zone = await newZone(ana)
    const pushing = Array.from({ length: 10 }, () =>
      ask(url, 'push', { token: ana.token, message: pushOf(ana, zone, Array(50).fill({})) }),
    )
    await Promise.race(pushing)
    server.child.kill('SIGTERM')
    const answers = await Promise.allSettled(pushing)
    for (const answer of answers) {
      if (answer.status === 'fulfilled') expect([200, 503]).toContain(answer.value.status)
    }
    expect(answers.some((answer) => answer.status === 'fulfilled' && answer.value.status === 200)).toBe(true)
    expect(await server.exit).toBe(0)
  })

  it('says in one sentence that the port is in use', async () => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const { port } = other.address() as { port: number }
    const server = start({ PILEUS_PORT: String(port), PILEUS_DATA: newFolder() })
    expect(await server.exit).toBe(1)
    expect(server.output()).toBe(
      `Cannot listen on 127.0.0.1:${port}: another program is using the port; stop it, or set PILEUS_PORT to a free one.\n`,
    )
    other.close()
  })

  it('says in one sentence that another server uses the data folder', async () => {
    const environment = { PILEUS_PORT: '0', PILEUS_DATA: newFolder() }
    await start(environment).url
    const second = start(environment)
    expect(await second.exit).toBe(1)
    expect(second.output()).toContain('another server is using it')
    expect(second.output().trim().split('\n')).toHaveLength(1)
  })

  it('says in one sentence that the data folder cannot be one', async () => {
    const file = newFolder()
    writeFileSync(file, 'a file')
    const server = start({ PILEUS_PORT: '0', PILEUS_DATA: file })
    expect(await server.exit).toBe(1)
    expect(server.output().trim().split('\n')).toHaveLength(1)
    expect(server.output()).toContain('PILEUS_DATA')
  })

  it.runIf(process.platform === 'linux')('says the same where no folder can be made', async () => {
    const server = start({ PILEUS_PORT: '0', PILEUS_DATA: '/proc/pileus/data' })
    expect(await server.exit).toBe(1)
    expect(server.output()).toMatch(/^Cannot use the data folder "\/proc\/pileus\/data": .*PILEUS_DATA.*\n$/)
  })
})

describe('the command line', () => {
  it('prints the settings in force, and starts nothing', async () => {
    const printed = start({ PILEUS_PORT: '4000' }, ['config'])
    expect(await printed.exit).toBe(0)
    expect(printed.output()).toMatch(/^PILEUS_PORT=4000 +# environment$/m)
    expect(printed.output()).toMatch(/^PILEUS_DATA=\.\/data +# default$/m)
  })

  it('names variables that mean nothing, and serves all the same', async () => {
    const misspelt = { PILEUS_QOUTA_BYTES: '5', PILEUS_HOME: '/of/a/client' }
    const server = start({ PILEUS_PORT: '0', PILEUS_DATA: newFolder(), ...misspelt })
    await server.url
    const [first, second] = server.output().split('\n')
    expect(first).toBe(
      'PILEUS_QOUTA_BYTES is set, and means nothing to Pileus: PILEUS_QUOTA_BYTES is meant, perhaps.',
    )
    expect(second).toMatch(/listens on/)
  })

  it('says how it is used', async () => {
    const asked = start({}, ['--help'])
    expect(await asked.exit).toBe(0)
    expect(asked.output()).toMatch(/^Usage: pileus-server .*\n.*pileus-server config/)
  })

  it('does not start on words it does not know', async () => {
    const refused = start({}, ['serve', 'now'])
    expect(await refused.exit).toBe(2)
    expect(refused.output()).toContain('does not know "serve now"')
  })
})

describe('a damaged database', () => {
  it.each(['accounts.db', 'zones.db'])('%s ends the start with one sentence', async (file) => {
    const data = newFolder()
    const first = start({ PILEUS_PORT: '0', PILEUS_DATA: data })
    await first.url
    first.child.kill('SIGTERM')
    await first.exit
    writeFileSync(join(data, file), 'this is no database, whatever its name says. '.repeat(100))
    const second = start({ PILEUS_PORT: '0', PILEUS_DATA: data })
    expect(await second.exit).toBe(1)
    expect(second.output()).toContain('restore the data folder from a backup')
    expect(second.output().trim().split('\n')).toHaveLength(1)
  })
})
