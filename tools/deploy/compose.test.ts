import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { assignments, DEPLOY, ROOT, serverVersion, text, yamlDocument } from './files.ts'
import { withProgram } from './program.ts'
import { expectTaken } from './settings.ts'

interface Service {
  readonly image: string
  readonly environment?: Readonly<Record<string, string>>
  readonly command?: readonly string[]
  readonly volumes?: readonly (string | { readonly target: string })[]
  readonly networks?: readonly string[]
  readonly ports?: readonly string[]
  readonly read_only?: boolean
}
interface Compose {
  readonly services: Readonly<Record<string, Service>>
  readonly networks: Readonly<Record<string, { readonly internal?: boolean; readonly ipam?: unknown }>>
  readonly volumes: Readonly<Record<string, unknown>>
}

const compose = yamlDocument<Compose>('compose/compose.yaml')
const services = Object.entries(compose.services)
const wanted = Object.keys(assignments(text('compose/env.example')))
const filled = Object.fromEntries(wanted.map((name) => [name, 'abc123']))

/** As compose does it: ${NAME:?message}, $$. */
function filledIn(value: string): string {
  return value.replaceAll(/\$\{([A-Z_0-9]+):\?[^}]*\}/g, (_all, name: string) => {
    const found = filled[name]
    if (found === undefined) throw new Error(`${name} does not stand in env.example`)
    return found
  })
}

function settingsOf(name: string): Record<string, string> {
  const { environment = {} } = compose.services[name]!
  return Object.fromEntries(Object.entries(environment).map(([key, value]) => [key, filledIn(String(value))]))
}

describe('deploy/compose', () => {
  it('gives both servers the same settings, all known, and the four shared engines', () => {
    const config = expectTaken(settingsOf('server-1'))
    expect(settingsOf('server-2')).toEqual(settingsOf('server-1'))
    expect(Object.values(config.engines).map(({ kind }) => kind)).toEqual([
      'postgres',
      'cassandra',
      's3',
      'valkey',
    ])
  })

  it('leads them to services that are in a network with them, on ports that those listen on', () => {
    const { engines } = expectTaken(settingsOf('server-1'))
    if (engines.accounts.kind !== 'postgres' || engines.zones.kind !== 'cassandra')
      throw new Error('other engines')
    if (engines.blobs.kind !== 's3' || engines.live.kind !== 'valkey') throw new Error('other engines')
    const at = (url: string) => [new URL(url).hostname, Number(new URL(url).port)] as const
    const s3 = at(engines.blobs.options.endpoint!)
    const reached = [
      [at(engines.accounts.options.url), 'postgres', 5_432],
      [at(`cql://${engines.zones.options.contactPoints[0]}`), 'cassandra', 9_042],
      [at(engines.live.url), 'valkey', 6_379],
      [s3, 's3', Number(/:(\d+)/.exec(compose.services.s3!.command!.join(' '))![1])],
    ] as const
    for (const [address, service, port] of reached) {
      expect(address).toEqual([service, port])
      expect(compose.services[service]!.networks).toEqual(['back'])
    }
    expect(compose.services['server-1']!.networks).toContain('back')
    expect(compose.networks.back!.internal).toBe(true)
    expect(compose.services['s3-bucket']!.command).toContain(`/objects/${engines.blobs.options.bucket}`)
    expect(engines.zones.options.dataCenter).toBe(compose.services.cassandra!.environment!.CASSANDRA_DC)
    const url = new URL(engines.accounts.options.url)
    const { POSTGRES_USER, POSTGRES_DB } = compose.services.postgres!.environment!
    expect([url.username, url.pathname]).toEqual([POSTGRES_USER, `/${POSTGRES_DB}`])
    expect(compose.services.s3!.environment!.ROOT_ACCESS_KEY).toBe(engines.blobs.options.accessKey)
  })

  it('believes the proxy, whose network it knows', () => {
    expect(JSON.stringify(compose.networks.front)).toContain(
      `"subnet":"${compose.services['server-1']!.environment!.PILEUS_TRUSTED_PROXIES}"`,
    )
    expect(compose.services.proxy!.networks).toEqual(['front'])
  })

  it('pins every image, ours by our version and the engines by the version that is tested', () => {
    for (const [, { image }] of services) expect(image).toMatch(/^[a-z0-9./-]+:v?\d+\.\d+(\.\d+)?(-[a-z]+)?$/)
    const launcher = (name: string) => readFileSync(join(ROOT, `tools/engines/${name}.ts`), 'utf8')
    const version = (name: string) => /VERSION = '(.*)'/.exec(launcher(name))![1]
    expect(compose.services['server-1']!.image).toBe(`pileus-server:${serverVersion()}`)
    expect(compose.services.cassandra!.image).toBe(`cassandra:${version('cassandra')}`)
    expect(compose.services.s3!.image).toBe(`versity/versitygw:${version('s3')}`)
    expect(compose.services.postgres!.image).toMatch(/^postgres:15\./)
  })

  it('holds no secret, and asks for each of them', () => {
    const holders = services.flatMap(([, { environment = {} }]) => Object.entries(environment))
    for (const [name, value] of holders) {
      if (/PASSWORD|SECRET|_AUTH/.test(name)) expect(value).toMatch(/^\$\{[A-Z0-9_]+:\?/)
    }
    for (const name of wanted) expect(text('compose/compose.yaml')).toContain(`\${${name}:?`)
    expect(new Set(Object.values(assignments(text('compose/env.example'))))).toEqual(new Set(['']))
  })

  it('opens the proxy to the world, the dashboard to this machine, and nothing else', () => {
    const open = services.flatMap(([name, { ports = [] }]) => ports.map((port) => `${name} ${port}`))
    expect(open).toEqual(['proxy 80:80', 'proxy 443:443', 'proxy 443:443/udp', 'grafana 127.0.0.1:3000:3000'])
  })

  it('declares every volume and network that is used, and mounts files that are there', () => {
    for (const [, { volumes = [], networks = [] }] of services) {
      for (const network of networks) expect(compose.networks).toHaveProperty(network)
      for (const volume of volumes.filter((one) => typeof one === 'string')) {
        const [source = ''] = volume.split(':')
        if (source.startsWith('.'))
          expect(() => execFileSync('test', ['-e', join(DEPLOY, 'compose', source)])).not.toThrow()
        else expect(compose.volumes).toHaveProperty(source)
      }
    }
  })

  it("makes Cassandra's only node write before it acknowledges, in the file that the image brings", () => {
    const expression = /sed -ri '([^']*)'/.exec(compose.services.cassandra!.command!.join(' '))![1]!
    const brought =
      '# commitlog_sync: batch\ncommitlog_sync: periodic\ncommitlog_sync_period: 10000ms\nport: 1\n'
    const changed = execFileSync('sed', ['-r', expression], { input: brought, encoding: 'utf8' })
    expect(changed).toBe(
      '# commitlog_sync: batch\ncommitlog_sync: batch\n# commitlog_sync_period: 10000ms\nport: 1\n',
    )
  })

  it('proxies to both servers, on the port of the image', () => {
    expect(text('compose/Caddyfile')).toContain('reverse_proxy server-1:3001 server-2:3001')
    expect(text('container/Containerfile')).toMatch(/^EXPOSE 3001$/m)
    expect(compose.services.proxy!.environment).toHaveProperty('PILEUS_DOMAIN')
    expect(text('compose/Caddyfile')).toContain('{$PILEUS_DOMAIN}')
  })
})

await withProgram('docker-compose', 'docker-compose', "compose.yaml by compose's own parser", (program) => {
  it("passes compose's own schema, and is refused without its secrets", { timeout: 120_000 }, () => {
    const run = (env: Record<string, string>) =>
      execFileSync(program, ['-f', join(DEPLOY, 'compose/compose.yaml'), 'config', '-q'], {
        env: { PATH: process.env.PATH, ...env },
        stdio: 'pipe',
      })
    run(filled)
    expect(() => run({ DOMAIN: 'localhost' })).toThrow(/is not set: see env.example/)
  })
})

await withProgram('caddy', 'caddy', "the Caddyfile by Caddy's own check", (program) => {
  it('passes `caddy validate`', () => {
    execFileSync(
      program,
      ['validate', '--adapter', 'caddyfile', '--config', join(DEPLOY, 'compose/Caddyfile')],
      {
        env: { PATH: process.env.PATH, HOME: '/nonexistent', PILEUS_DOMAIN: 'localhost' },
        stdio: 'pipe',
      },
    )
  })
})
