import type { SignedIn } from '@pileus/client/account/account'
import { listDevices, removeDevice } from '@pileus/client/account/devices'
import { logIn } from '@pileus/client/account/sign-in'
import { signUp } from '@pileus/client/account/sign-up'
import { ensureDrive, openZone } from '@pileus/client/account/zone'
import type { Exchange } from '@pileus/client/remote/exchange'
import { httpRemote } from '@pileus/client/remote/http'
import { httpCalls } from '@pileus/client/remote/http-calls'
import { timedPause } from '@pileus/client/remote/node'
import { nodeExchange } from '@pileus/client/remote/node-exchange'
import { retrying } from '@pileus/client/remote/retry'
import { checkServer } from '@pileus/client/remote/server'
import { deviceSession, signedIn } from '@pileus/client/remote/session'
import { sealChunk } from '@pileus/core/content/chunk'
import { encodePack, packId } from '@pileus/core/content/pack'
import { nodeCrypto as crypto, nodeRandom as random } from '@pileus/core/crypto/node'
import { parseId } from '@pileus/core/ids/ids'
import { startServer } from '@pileus/server/start'
import { afterEach, expect, test } from 'vitest'

type Running = Awaited<ReturnType<typeof startServer>>
const running: Running[] = []
afterEach(async () => {
  for (const server of running.splice(0)) await server.close()
})

async function start(): Promise<Running> {
  const server = await startServer({ data: 'memory', port: 0, logLevel: 'silent' })
  running.push(server)
  return server
}

async function newAccount(server: string, exchange: Exchange = nodeExchange): Promise<SignedIn> {
  const calls = retrying(httpCalls({ server, exchange }), { pause: timedPause(), random })
  const context = { calls, crypto, random, clock: Date.now }
  const made = await signUp(context, { name: 'ana', password: 'correct horse', deviceName: 'laptop' })
  const session = deviceSession({ ...context, device: made.device.device, opened: made.session })
  return { context, calls: signedIn(calls, session), device: made.device }
}

test('an account, its drive and its chunks work over the real gateway', async () => {
  const { url } = await start()
  await checkServer(nodeExchange, url)
  const ana = await newAccount(url)
  const zone = await openZone(ana, await ensureDrive(ana))
  const remote = httpRemote(ana.calls)
  const chunks = [1, 2, 3].map((fill) => {
    const secret = zone.keysOf(1)!.chunkSecret.bytes()
    const { entry, bytes } = sealChunk(crypto, secret, new Uint8Array(300_000 * fill).fill(fill))
    return { id: entry.id, bytes }
  })
  const ids = chunks.map((chunk) => chunk.id)
  expect((await remote.missing(zone.zone, ids)).missing).toEqual(ids)
  await remote.putPack(zone.zone, packId(crypto, ids), encodePack(chunks))
  await remote.putPack(zone.zone, packId(crypto, ids), encodePack(chunks))
  expect((await remote.missing(zone.zone, ids)).missing).toEqual([])
  const wanted = ids.toReversed()
  let at = 0
  for await (const { id, bytes } of remote.fetch(zone.zone, wanted)) {
    expect(id).toBe(wanted[at++])
    expect(Buffer.compare(bytes, chunks.find((chunk) => chunk.id === id)!.bytes)).toBe(0)
  }
  expect(at).toBe(3)
  const unknown = parseId('chunk', '00'.repeat(32))
  const nothing = remote.fetch(zone.zone, [unknown])[Symbol.asyncIterator]().next()
  await expect(nothing).rejects.toMatchObject({ code: 'not-found', ids: [unknown] })
  const elsewhere = remote.changes(parseId('zone', 'ab'.repeat(32)), null)
  await expect(elsewhere).rejects.toMatchObject({ code: 'not-found' })
})

test('a removed device is told so', async () => {
  const { url } = await start()
  const ana = await newAccount(url)
  const lost = await logIn(ana.context, { name: 'ana', password: 'correct horse', deviceName: 'phone' })
  const session = deviceSession({ ...ana.context, device: lost.device.device, opened: lost.session })
  await removeDevice(ana, lost.device.device.id)
  const calls = signedIn(ana.context.calls, session)
  await expect(calls.call('account', {})).rejects.toMatchObject({ code: 'device-removed' })
  expect((await listDevices(ana)).map((device) => device.removedAt === null)).toEqual([true, false])
})

test('connections cut at every second request, before or after the server acted, change nothing', async () => {
  const { url } = await start()
  let count = 0
  const cutting: Exchange = async (address, init) => {
    count += 1
    if (count % 4 === 1) throw new TypeError('fetch failed', { cause: { code: 'ECONNRESET' } })
    const response = await nodeExchange(address, init)
    if (count % 4 !== 3 || address.includes('finish') || address.endsWith('/device')) return response
    response.cancel()
    throw new TypeError('fetch failed', { cause: { code: 'ECONNRESET' } })
  }
  const ana = await newAccount(url, cutting)
  const drive = await ensureDrive(ana)
  expect((await openZone(ana, drive)).epoch).toBe(1)
  expect(count).toBeGreaterThan(10)
})
