/** All targets together, with the server and the folder that some of them need. */
import type { AccountContext } from '@pileus/client/account/account'
import { signUp } from '@pileus/client/account/sign-up'
import { ensureDrive } from '@pileus/client/account/zone'
import { httpCalls } from '@pileus/client/remote/http-calls'
import { nodeExchange } from '@pileus/client/remote/node-exchange'
import { deviceSession, signedIn } from '@pileus/client/remote/session'
import { nodeCrypto as crypto, nodeRandom as random } from '@pileus/core/crypto/node'
import { RATE_LIMITS, type RateLimits } from '@pileus/server/rules/rate-limits'
import { startServer } from '@pileus/server/start'
import { formatTargets } from './formats.ts'
import { httpTargets } from './http.ts'
import { localTargets } from './local-state.ts'
import { messageTargets } from './messages.ts'
import type { Target } from './target.ts'

export interface AllTargets extends AsyncDisposable {
  readonly targets: readonly Target[]
}

/** So that requests get past the counters of attempts, which answer all alike. */
const UNLIMITED = Object.fromEntries(
  Object.keys(RATE_LIMITS).map((name) => [name, { count: 1e9, seconds: 1 }]),
) as unknown as RateLimits

/** Starts a server in memory, with an account whose session the requests use. */
export async function allTargets(): Promise<AllTargets> {
  await using opening = new AsyncDisposableStack()
  const local = opening.use(localTargets())
  const server = await startServer({ data: 'memory', port: 0, logLevel: 'silent', rateLimits: UNLIMITED })
  opening.defer(() => server.close())
  const calls = httpCalls({ server: server.url, exchange: nodeExchange })
  const context: AccountContext = { calls, crypto, random, clock: Date.now }
  const made = await signUp(context, { name: 'ana', password: 'correct horse battery', deviceName: 'fuzz' })
  const session = deviceSession({ ...context, device: made.device.device, opened: made.session })
  const drive = await ensureDrive({ context, device: made.device, calls: signedIn(calls, session) })
  const { accountZone, account } = made.device
  const known = [drive, accountZone, account, made.device.device.id]
  const http = await httpTargets({ url: server.url, token: made.session.token, known })
  const targets = [...(await formatTargets()), ...messageTargets(), ...local.targets, ...http]
  const opened = opening.move()
  return { targets, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}
