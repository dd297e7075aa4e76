/** Whether the account still has this device: the server is asked, and nobody waits long for it. */
import { Problem } from '@pileus/core/protocol/problem'
import type { Context } from '../context.ts'
import type { Home } from '../home/home.ts'
import { keysKeptHow } from '../home/key-file.ts'
import { noteStanding, readSignedIn } from '../home/signed-in.ts'
import { openDevice } from './device.ts'

/** Longer than a server on the other side of the world takes for two answers, and no burden on whoever is offline. */
const ASKED_FOR_MS = 2_000

/** 'unknown' where the server does not say so in time, or keys are sealed: nobody is asked for a passphrase for this. */
export type Standing = 'member' | 'removed' | 'unknown'

/** To be called where somebody is signed in. What is found out is noted in the home. */
export async function standingOf(context: Context): Promise<Standing> {
  const { home, signal } = context
  const patience = AbortSignal.timeout(ASKED_FOR_MS)
  try {
    if (keysKeptHow(home) !== 'file') return asNoted(home)
    const device = await openDevice({ ...context, signal: AbortSignal.any([signal, patience]) })
    await device.session.token()
    noteStanding(home, 'member')
    return 'member'
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof Problem && error.code === 'device-removed') {
      noteStanding(home, 'removed')
      return 'removed'
    }
    // Whatever else stands in the way is for the commands that cannot do without the server to tell.
    return asNoted(home)
  }
}

function asNoted(home: Home): Standing {
  return readSignedIn(home)?.removed ? 'removed' : 'unknown'
}
