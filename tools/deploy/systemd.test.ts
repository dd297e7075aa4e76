import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { assignments, nodeOptions, ROOT, text } from './files.ts'
import { withProgram } from './program.ts'
import { expectTaken } from './settings.ts'

const unit = text('systemd/pileus-server.service')
const value = (key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(unit)?.[1] ?? ''
/** systemd's own score, from 0 (locked up) to 10. */
const EXPOSURE_MAX = 2
const folder = mkdtempSync(join(tmpdir(), 'pileus-unit-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('the systemd unit', () => {
  it('starts the server with the options it is made for', () => {
    const [node, ...rest] = value('ExecStart').split(' ')
    expect(node).toBe('/usr/bin/node')
    expect(rest).toEqual([...nodeOptions(), '/opt/pileus/server/bin/pileus-server.mjs'])
    expect(existsSync(join(ROOT, 'server/bin/pileus-server.mjs'))).toBe(true)
  })

  it('gives it settings that it knows, and a data folder that is its own', () => {
    const { NODE_ENV, ...ours } = assignments(value('Environment').split(' ').join('\n'))
    expect(NODE_ENV).toBe('production')
    expect(expectTaken(ours).data).toBe(`/var/lib/${value('StateDirectory')}`)
  })
})

await withProgram('systemd-analyze', null, 'the unit by systemd itself', (program) => {
  it('passes `systemd-analyze verify`, with a Node that is here', () => {
    const here = join(folder, 'pileus-server.service')
    writeFileSync(here, unit.replace('ExecStart=/usr/bin/node', `ExecStart=${process.execPath}`))
    const { status, stdout, stderr } = spawnSync(program, ['verify', here], { encoding: 'utf8' })
    // It also looks at units of this machine.
    const about = `${stdout}${stderr}`.split('\n').filter((line) => line.includes('pileus-server'))
    expect(about).toEqual([])
    expect(status).toBe(0)
  })

  it('is hardened, by its own measure', () => {
    const said = execFileSync(
      program,
      ['security', '--offline=true', join(ROOT, 'deploy/systemd/pileus-server.service')],
      { encoding: 'utf8', stdio: 'pipe' },
    )
    expect(Number(/exposure level .*: ([\d.]+)/.exec(said)?.[1])).toBeLessThan(EXPOSURE_MAX)
  })
})
