/** The server, as this process reaches it. */
import type { AccountContext } from '@pileus/client/account/account'
import type { DirectReadsParts } from '@pileus/client/remote/direct'
import { httpCalls } from '@pileus/client/remote/http-calls'
import { nodeTimers, timedPause } from '@pileus/client/remote/node'
import { nodeExchange } from '@pileus/client/remote/node-exchange'
import { Patience, SHORT_TIMES } from '@pileus/client/remote/patience'
import { patientExchange } from '@pileus/client/remote/patient-exchange'
import { retrying } from '@pileus/client/remote/retry'
import { checkServer } from '@pileus/client/remote/server'
import { nodeCrypto, nodeRandom } from '@pileus/core/crypto/node'

/** Calls to this server, not signed in, with what they need from this platform. */
export function networkContext(
  server: string,
  signal: AbortSignal,
  patience = new Patience(nodeTimers),
  answered = false,
): AccountContext {
  const options = { pause: timedPause(signal), random: nodeRandom, answered }
  const exchange = patientExchange(nodeExchange, patience)
  const calls = retrying(httpCalls({ server, exchange, signal }), options)
  return { calls, crypto: nodeCrypto, random: nodeRandom, clock: Date.now }
}

/** The same, once it is known that a Pileus server answers there. Rejects with Unreachable. */
export async function checkedContext(server: string, signal: AbortSignal): Promise<AccountContext> {
  const patience = new Patience(nodeTimers)
  await checkServer(patientExchange(nodeExchange, patience), server, signal)
  return networkContext(server, signal, patience, true)
}

/** How content is read where this server says that it rests; `told` hears why it is not. */
export function directReads(
  server: string,
  signal: AbortSignal,
  told: DirectReadsParts['told'],
): DirectReadsParts {
  const patience = new Patience(nodeTimers, undefined, SHORT_TIMES)
  const exchange = patientExchange(nodeExchange, patience)
  return { server, exchange, timers: nodeTimers, crypto: nodeCrypto, signal, told }
}
