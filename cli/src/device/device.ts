/** The device that a home holds, signed in at its server. */
import type { SignedIn as Connection } from '@pileus/client/account/account'
import { decodeSecrets } from '@pileus/client/keys/device-secrets'
import type { Patience } from '@pileus/client/remote/patience'
import { deviceSession, type Session, signedIn } from '@pileus/client/remote/session'
import { nodeCrypto } from '@pileus/core/crypto/node'
import type { Context } from '../context.ts'
import { Failure } from '../failures/failure.ts'
import { KEY_FILE, loadKeys } from '../home/key-file.ts'
import { requireSignedIn, type SignedIn } from '../home/signed-in.ts'
import { keysPassphrase } from '../terminal/secrets.ts'
import { networkContext } from './network.ts'

export interface Device {
  readonly signedIn: SignedIn
  /** For the client library. Opens a session when it is first used. */
  readonly connection: Connection
  readonly session: Session
}

/** Throws Failure when nobody is signed in here, or the keys cannot be opened. `patience` is how calls wait. */
export async function openDevice(context: Context, patience?: Patience): Promise<Device> {
  const found = requireSignedIn(context.home)
  const secrets = await loadKeys(context.home, () => keysPassphrase(false))
  if (secrets === null) throw keysGone(context)
  const device = decodeSecrets(nodeCrypto, secrets)
  const network = networkContext(found.server, context.signal, patience)
  const session = deviceSession({ ...network, device: device.device })
  return {
    signedIn: found,
    session,
    connection: { context: network, calls: signedIn(network.calls, session), device },
  }
}

function keysGone(context: Context): Failure {
  return new Failure(
    'damaged',
    'keys-gone',
    `This device's keys are missing (${JSON.stringify(context.home.at(KEY_FILE))}): sign in anew with \`pileus login\`.`,
  )
}
