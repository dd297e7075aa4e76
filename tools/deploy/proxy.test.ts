/** The composition's Caddyfile, carried out by Caddy before two real servers: TLS, packs, the live channel, a server that goes away. */
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { decodeMessage } from '@pileus/core/protocol/codec'
import { Announcement } from '@pileus/core/protocol/live'
import { Daemon, freePort, listens } from '@pileus/engines/daemon'
import {
  ask,
  get,
  newChunks,
  newZone,
  type Person,
  packOf,
  pushOf,
  putPack,
  signUp,
  type TestZone,
} from '@pileus/server/api/fixtures'
import { type RunningServer, startServer } from '@pileus/server/start'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { WebSocket } from 'ws'
import { text } from './files.ts'
import { withProgram } from './program.ts'

/** As much as a pack holds: 15 chunks of a little over a megabyte. */
const PACK_CHUNKS = 15
const CHUNK_BYTES = 1_100_000
const READY_MS = 60_000

await withProgram('caddy', 'caddy', 'the Caddyfile before two servers', (program) => {
  describe('the proxy of the composition', () => {
    const folder = mkdtempSync(join(tmpdir(), 'pileus-proxy-'))
    const authorities = getCACertificates('default')
    const servers: RunningServer[] = []
    let caddy: Daemon
    let url: string
    let ana: Person
    let zone: TestZone

    beforeAll(async () => {
      const first = await startServer({ data: 'memory', port: 0, trustedProxies: '127.0.0.1' })
      // The second one shares the first one's engines, as two servers share a database.
      const second = await startServer({ data: 'memory', port: 0, wrap: () => first.engines })
      servers.push(first, second)
      const port = await freePort()
      url = `https://localhost:${port}`
      const root = join(folder, 'caddy/pki/authorities/local/root.crt')
      caddy = caddyBefore(
        program,
        folder,
        url,
        servers,
        async () => existsSync(root) && (await listens(port)),
      )
      await caddy.start()
      setDefaultCACertificates([...authorities, readFileSync(root, 'utf8')])
      ana = await signUp(url, 'ana')
      zone = await newZone(ana)
    })
    afterAll(async () => {
      setDefaultCACertificates(authorities)
      await caddy.stop('SIGTERM')
      for (const server of servers) await server.close()
      rmSync(folder, { recursive: true, force: true })
    })

    it('takes and gives a large pack', async () => {
      const chunks = newChunks(PACK_CHUNKS, CHUNK_BYTES)
      expect((await putPack(ana, zone.zone, packOf(chunks))).status).toBe(200)
      const ids = chunks.map(({ id }) => id)
      const asked = { token: ana.token, params: { zone: zone.zone }, message: { ids } }
      const { status, bytes } = await ask(url, 'fetch', asked)
      expect(status).toBe(200)
      expect(bytes.length).toBeGreaterThan(PACK_CHUNKS * CHUNK_BYTES)
    })

    it('passes the live channel on', async () => {
      const socket = new WebSocket(`${url.replace('https', 'wss')}/api/v1/zones/${zone.zone}/live`, {
        headers: { authorization: `Bearer ${ana.token}` },
      })
      const heads: number[] = []
      socket.on('message', (data: Buffer) => {
        heads.push(decodeMessage(Announcement, 'cbor', new Uint8Array(data)).head.sequence)
      })
      await once(socket, 'open')
      await get(url, 'push', { token: ana.token, message: pushOf(ana, zone, [{}]) })
      await vi.waitFor(() => expect(heads).toContain(1), 60_000)
      socket.terminate()
    })

    it('keeps what is for the operator from the world', async () => {
      for (const path of ['/metrics', '/health', '/health/ready', '/health/circuits'])
        expect((await fetch(url + path)).status, path).toBe(404)
      const answer = await fetch(`${url}/api/v1`)
      expect(answer.status).toBe(200)
      expect(answer.headers.get('strict-transport-security')).toMatch(/^max-age=/)
    })

    it('goes on with one server when the other one is gone', async () => {
      const head = () => ask(url, 'zone', { token: ana.token, params: { zone: zone.zone } })
      // The first one holds the engines.
      await servers.pop()!.close()
      for (let n = 0; n < 30; n++) expect((await head()).status).toBe(200)
    })
  })
})

/** Runs the file as it is, but for addresses that are this machine's, and for what needs rights: port 80 and the trust store. */
function caddyBefore(
  program: string,
  folder: string,
  url: string,
  servers: readonly RunningServer[],
  ready: () => Promise<boolean>,
): Daemon {
  const file = servers.reduce(
    (before, { port }, index) => before.replace(`server-${index + 1}:3001`, `127.0.0.1:${port}`),
    text('compose/Caddyfile'),
  )
  const caddyfile = join(folder, 'Caddyfile')
  writeFileSync(caddyfile, file)
  const env = {
    HOME: folder,
    XDG_DATA_HOME: folder,
    XDG_CONFIG_HOME: folder,
    PILEUS_DOMAIN: url,
  }
  const adapt = ['adapt', '--adapter', 'caddyfile', '--config', caddyfile]
  const config = JSON.parse(
    execFileSync(program, adapt, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }),
  )
  for (const server of Object.values<{ automatic_https?: object }>(config.apps.http.servers))
    server.automatic_https = { disable_redirects: true }
  config.apps.pki = { certificate_authorities: { local: { install_trust: false } } }
  const json = join(folder, 'caddy.json')
  writeFileSync(json, JSON.stringify(config))
  return new Daemon({ file: program, args: ['run', '--config', json], env }, ready, READY_MS)
}
