/** The account of all runs: made once in a process, by the real ways of signing up and in; each run begins with a copy. */
import type { DeviceAccount } from '@pileus/client/account/account'
import { logIn } from '@pileus/client/account/sign-in'
import { signUp } from '@pileus/client/account/sign-up'
import { ensureDrive } from '@pileus/client/account/zone'
import { deviceSession, signedIn } from '@pileus/client/remote/session'
import type { ZoneId } from '@pileus/core/ids/ids'
import { QUOTA_DEFAULT_BYTES } from '@pileus/core/limits'
import { quickCrypto } from '../stand-ins/crypto.ts'
import { chanceOf } from '../world/random.ts'
import { FAIR, simulatedCalls } from './calls.ts'
import { SimulatedServer, type Write } from './server.ts'
import { Timeline } from './timeline.ts'

export interface Home {
  readonly accounts: readonly DeviceAccount[]
  readonly zone: ZoneId
  /** What the server did until then. */
  readonly journal: readonly Write[]
}

export const DEVICES_MAX = 6
const PASSWORD = 'correct horse battery'

/** Equal in every process. */
export async function createHome(): Promise<Home> {
  const timeline = new Timeline()
  const chance = chanceOf(1)
  const failed = (error: unknown) => {
    throw error
  }
  const server = new SimulatedServer({
    timeline,
    chance,
    quotaBytes: QUOTA_DEFAULT_BYTES,
    writeMs: 0,
    failed,
  })
  const line = {
    timeline,
    server,
    chance,
    failed,
    weather: () => FAIR,
    alive: () => true,
    sent() {},
    note() {},
  }
  const calls = simulatedCalls(line)
  const context = { calls, crypto: quickCrypto, random: chance.fork().bytes, clock: () => timeline.now }
  const accounts: DeviceAccount[] = []
  for (let n = 1; n <= DEVICES_MAX; n++) {
    const who = { name: 'ana', password: PASSWORD, deviceName: `device-${n}` }
    const { device } = n === 1 ? await signUp(context, who) : await logIn(context, who)
    accounts.push(device)
  }
  const device = accounts[0]!
  const session = deviceSession({ ...context, device: device.device })
  const zone = await ensureDrive({ context, device, calls: signedIn(calls, session) })
  return { accounts, zone, journal: server.journal }
}
