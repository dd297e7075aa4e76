/**
 * The container file cannot be built where there is no container engine. What can be known without one is tried: the files it
 * copies are enough, what it installs is enough, and what it starts serves, as another user that cannot write there.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '@pileus/engines/daemon'
import { afterAll, describe, expect, it } from 'vitest'
import { copyIn, run, type Stage, stages } from './container-file.ts'
import { assignments, nodeOptions, ROOT, serverVersion, text } from './files.ts'
import { expectTaken } from './settings.ts'

const [install, image] = stages() as [Stage, Stage]
const the = (keyword: string) => image.instructions.find((one) => one.keyword === keyword)!
const isRoot = process.getuid?.() === 0

const folder = mkdtempSync(join(tmpdir(), 'pileus-image-'))
let server: ChildProcess | undefined
afterAll(() => {
  server?.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

describe('the container file', () => {
  it('stands on one pinned image, of the Node that everything is tested on', () => {
    const { devDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
    const node = devDependencies.node.replace('^', '')
    expect(new Set([install.image, image.image])).toEqual(new Set([`node:${node}-bookworm-slim`]))
    expect(stages()).toHaveLength(2)
    expect(text('container/Containerfile')).toContain(`-t pileus-server:${serverVersion()} `)
  })

  it('starts the server with the options it is made for, as no root, with settings that it knows', () => {
    expect(JSON.parse(the('ENTRYPOINT').line)).toEqual([
      'node',
      ...nodeOptions(),
      '/opt/pileus/server/bin/pileus-server.mjs',
    ])
    expect(the('USER').line).toMatch(/^[1-9]\d*:[1-9]\d*$/)
    const { NODE_ENV, ...ours } = environment()
    expect(NODE_ENV).toBe('production')
    const config = expectTaken(ours)
    expect(the('EXPOSE').line).toBe(String(config.port))
    expect(the('VOLUME').line).toBe(config.data)
    expect(the('HEALTHCHECK').line).toContain(`http://127.0.0.1:${config.port}/health/live`)
  })

  it("knows every workspace of the root's package.json", () => {
    const { workspaces } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
    const copied = install.instructions.flatMap(({ words }) => words)
    for (const workspace of workspaces) expect(copied).toContain(`${workspace}/package.json`)
  })

  it('copies and installs what the server needs, and the health check answers', {
    timeout: 300_000,
  }, async () => {
    const [first, second, data] = ['install', 'image', 'data'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ]
    for (const made of [first, second, data]) mkdirSync(made)
    carryOut(install, first)
    for (const { keyword, flags, words } of image.instructions) {
      if (keyword !== 'COPY') continue
      if (flags.includes(`--from=${install.name}`)) {
        const [source = '', target = ''] = words
        execFileSync('cp', ['-a', join(first, source.replace('/opt/pileus/', '')), join(second, target)])
      } else copyIn(second, words.slice(0, -1), words.at(-1)!)
    }
    expect(filesOf(join(second, 'server'), '*.test.ts')).toBe('')
    const port = await freePort()
    const uid = isRoot ? Number(the('USER').line.split(':')[0]) : process.getuid!()
    if (isRoot) chownSync(data, uid, uid)
    chmodSync(folder, 0o755)
    const before = filesOf(second)
    const [, ...args] = JSON.parse(the('ENTRYPOINT').line) as string[]
    const environmentHere = { ...environment(), PILEUS_PORT: String(port), PILEUS_DATA: data }
    server = spawn(
      process.execPath,
      args.map((argument) => argument.replace('/opt/pileus', second)),
      { cwd: second, env: environmentHere, uid, gid: uid, stdio: ['ignore', 'pipe', 'pipe'] },
    )
    await said(server, 'listens on')
    const [, check = ''] = /CMD (.*)$/.exec(the('HEALTHCHECK').line) ?? []
    const [, ...probe] = JSON.parse(check) as string[]
    const healthy = (at: number) =>
      execFileSync(
        process.execPath,
        probe.map((part) => part.replace('3001', String(at))),
        { stdio: 'pipe' },
      )
    healthy(port)
    const nobody = await freePort()
    expect(() => healthy(nobody)).toThrow()
    server.kill('SIGTERM')
    expect(await new Promise((resolve) => server!.once('exit', resolve))).toBe(0)
    expect(filesOf(second)).toBe(before)
  })
})

function environment(): Record<string, string> {
  return assignments(the('ENV').words.join('\n'))
}

function carryOut(stage: Stage, target: string): void {
  for (const { keyword, words, line } of stage.instructions) {
    if (keyword === 'COPY') copyIn(target, words.slice(0, -1), words.at(-1)!)
    if (keyword === 'RUN') run(target, line)
  }
}

/** Paths and times of change under a folder. */
function filesOf(path: string, name = '*'): string {
  return execFileSync('find', [path, '-name', name, '-printf', '%p %T@\n'], {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  })
}

function said(child: ChildProcess, words: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let all = ''
    const hear = (data: Buffer) => {
      all += data
      if (all.includes(words)) resolve()
    }
    child.stdout!.on('data', hear)
    child.stderr!.on('data', hear)
    child.once('exit', () => reject(new Error(`the server did not start: ${all}`)))
  })
}
