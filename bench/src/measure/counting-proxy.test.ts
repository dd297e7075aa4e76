import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { afterAll, expect, it } from 'vitest'
import { CountingProxy } from './counting-proxy.ts'

const echo = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket))
afterAll(() => echo.close())

it('bytes pass both ways unchanged and are counted, half-closed connections too', async () => {
  await once(echo.listen(0, '127.0.0.1'), 'listening')
  const proxy = await CountingProxy.before((echo.address() as AddressInfo).port)
  const sent = Buffer.alloc(300_000, 'some bytes')
  const socket = connect(proxy.port, '127.0.0.1').end(sent)
  const pieces: Buffer[] = []
  for await (const piece of socket) pieces.push(piece as Buffer)
  expect(Buffer.concat(pieces).equals(sent)).toBe(true)
  expect(proxy.bytes).toBe(600_000)
  await proxy.close()
})

it('a server that is not there cuts the connection, and closing cuts those that are open', async () => {
  const gone = createServer()
  await once(gone.listen(0, '127.0.0.1'), 'listening')
  const { port } = gone.address() as AddressInfo
  await new Promise((resolve) => gone.close(resolve))
  const proxy = await CountingProxy.before(port)
  const cut = connect(proxy.port, '127.0.0.1')
  cut.on('error', () => {})
  cut.resume()
  await once(cut, 'close')
  await proxy.close()
})
