/** The server, as this process reaches it. */
import type { AccountContext } from '@pileus/client/account/account'
import { fetchCalls } from '@pileus/client/remote/fetch-calls'

import { nodeTimers, timedPause } from '@pileus/client/remote/node'
import { sendPartsByNode } from '@pileus/client/remote/node-send-parts'
import { Patience } from '@pileus/client/remote/patience'

import { retrying } from '@pileus/client/remote/retry'
import { checkServer } from '@pileus/client/remote/server'
import { nodeCrypto, nodeRandom } from '@pileus/core/crypto/node'

/** Calls to this server, not signed in, with what they need from this platform. */
export function networkContext(
  server: string,
  signal: AbortSignal,
  patience = new Patience(nodeTimers),
): AccountContext {
  const options = { pause: timedPause(signal), random: nodeRandom }
  const calls = retrying(fetchCalls({ server, fetch, sendParts: sendPartsByNode, signal, patience }), options)
  return { calls, crypto: nodeCrypto, random: nodeRandom, clock: Date.now }
}

/** The same, once it is known that a Pileus server answers there. Rejects with Unreachable. */
export async function checkedContext(server: string, signal: AbortSignal): Promise<AccountContext> {
  await checkServer(fetch, server, signal, new Patience(nodeTimers))
  return networkContext(server, signal)
}
