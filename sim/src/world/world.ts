/** A server and its devices in one process, on memory engines, with one clock and one source of chance. */

import type { DeviceAccount, SignedIn } from '@pileus/client/account/account'
import { readAccountZone } from '@pileus/client/account/account-zone'
import { logIn } from '@pileus/client/account/sign-in'
import { signUp } from '@pileus/client/account/sign-up'
import type { DriveZone, SyncOptions } from '@pileus/client/drive/context'
import { type Drive, openDrive, type SyncReport } from '@pileus/client/drive/drive'
import { openDriveZone } from '@pileus/client/drive/zone'
import { type MemoryFiles, memoryFiles } from '@pileus/client/files/memory'
import { writeMarker } from '@pileus/client/folder/marker'
import type { Calls } from '@pileus/client/remote/calls'
import { httpRemote } from '@pileus/client/remote/http'
import type { Remote } from '@pileus/client/remote/remote'
import { retrying } from '@pileus/client/remote/retry'
import { deviceSession, signedIn } from '@pileus/client/remote/session'
import { type MemoryStore, memoryStore } from '@pileus/client/store/memory'
import { nodeCrypto } from '@pileus/core/crypto/node'
import type { Random } from '@pileus/core/crypto/random'
import type { ZoneId } from '@pileus/core/ids/ids'
import { createGenesis } from '@pileus/core/keys/zone-access'
import { QUOTA_DEFAULT_BYTES } from '@pileus/core/limits'
import { memoryAccounts } from '@pileus/server/accounts/memory'
import type { Blobs } from '@pileus/server/blobs/blobs'
import { memoryBlobs } from '@pileus/server/blobs/memory'
import { memoryLive } from '@pileus/server/live/memory'
import { type Environment, SILENT_OBSERVER } from '@pileus/server/rules/environment'
import { newOpaqueSetup, opaqueServer } from '@pileus/server/rules/opaque'
import { RATE_LIMITS } from '@pileus/server/rules/rate-limits'
import { createService, type Service } from '@pileus/server/rules/service'
import { memoryZones } from '@pileus/server/zones/memory'
import type { Zones } from '@pileus/server/zones/zones'
import { type Faults, NO_FAULTS, network } from './network.ts'
import { type Chance, chanceOf } from './random.ts'

export interface Device {
  readonly name: string
  readonly files: MemoryFiles
  readonly store: MemoryStore
  readonly account: DeviceAccount
  faults: Faults
  /** What its line does besides, for tests of one thing: wraps every call before it is repeated. */
  through?: (calls: Calls) => Calls
}

export interface World {
  readonly devices: readonly Device[]
  readonly clock: { now: number }
  /** One sync of a device's folder, as a process that starts, syncs and ends. */
  sync(device: Device, options?: SyncOptions): Promise<SyncReport>
  /** A device's drive, as a process that stays has it. */
  drive(device: Device): Promise<Drive>
  /** The zone as a device reads it, over a good line. */
  reader(): Promise<{ remote: Remote; zone: DriveZone }>
}

const NAME = 'ana'
const PASSWORD = 'correct horse battery'
const DAY = 86_400_000
const START = Date.UTC(2026, 0, 1)
/** So few that pushing ahead and crashes between commits happen in small runs. */
const COMMIT_FILES = 2

/** A server with one account and some signed-in devices. Runs share it, each in a zone of its own. */
export interface Home {
  readonly service: Service
  /** What the service stands on, for servers that do other things with it. */
  readonly environment: Environment
  readonly accounts: readonly DeviceAccount[]
  readonly clock: { now: number }
}

/** Signs up and in once: password hashing is slow on purpose, and no part of what is simulated. */
export async function createHome(
  chance: Chance,
  devices: number,
  server: { readonly zones?: Zones; readonly blobs?: Blobs; readonly quotaBytes?: number } = {},
): Promise<Home> {
  const clock = { now: START }
  const environment: Environment = {
    engines: {
      accounts: memoryAccounts(),
      zones: server.zones ?? memoryZones(),
      blobs: server.blobs ?? memoryBlobs(),
      live: memoryLive(() => clock.now),
    },
    clock: () => clock.now,
    random: chance.fork().bytes,
    crypto: nodeCrypto,
    opaque: await opaqueServer(await newOpaqueSetup()),
    rateLimits: RATE_LIMITS,
    quotaBytes: server.quotaBytes ?? QUOTA_DEFAULT_BYTES,
    observer: SILENT_OBSERVER,
  }
  const service = createService(environment)
  const calls = network(service, chance.fork(), () => NO_FAULTS)
  const context = { calls, crypto: nodeCrypto, random: chance.fork().bytes, clock: () => clock.now }
  const accounts: DeviceAccount[] = []
  for (let n = 0; n < devices; n++) {
    const who = { name: NAME, password: PASSWORD, deviceName: `device-${n + 1}` }
    const { device } = n === 0 ? await signUp(context, who) : await logIn(context, who)
    accounts.push(device)
  }
  return { service, environment, accounts, clock }
}

/** A new zone, and this many devices of the home, each with an empty folder linked to it. */
export async function createWorld(home: Home, chance: Chance, count: number): Promise<World> {
  const { service, clock } = home
  // A day of its own, later than those of the runs before: servers' clocks do not go back.
  clock.now = DAY * (1 + Math.floor(clock.now / DAY))
  const random = chance.fork().bytes
  const zone = await newZone(home, random)
  const devices = home.accounts.slice(0, count).map((account): Device => {
    const files = memoryFiles({ clock: () => clock.now })
    return { name: account.deviceName, files, store: memoryStore(), account, faults: NO_FAULTS }
  })
  for (const { files } of devices) files.asPerson(() => writeMarker(files, zone))
  async function open(device: Device, calls: Calls) {
    const signed = signIn(home, device.account, calls, random)
    return { remote: httpRemote(signed.calls), zone: await openDriveZone(signed, zone) }
  }

  async function openOn(device: Device): Promise<Drive> {
    const bare = network(service, chance, () => device.faults)
    const line = device.through ? device.through(bare) : bare
    const opened = await open(device, retrying(line, { random, pause: async () => undefined }))
    return openDrive({
      ...opened,
      files: device.files,
      store: device.store,
      crypto: nodeCrypto,
      random,
      clock: () => clock.now,
      breathe: async () => undefined,
      deviceSeed: device.account.device.seed,
      deviceName: device.name,
      commitFiles: COMMIT_FILES,
    })
  }

  return {
    devices,
    clock,
    reader: () =>
      open(
        devices[0]!,
        network(service, chance, () => NO_FAULTS),
      ),
    async sync(device, options) {
      return (await openOn(device)).syncOnce(options)
    },
    drive: openOn,
  }
}

function signIn(home: Home, device: DeviceAccount, calls: Calls, random: Random): SignedIn {
  const clock = () => home.clock.now
  const session = deviceSession({ calls, crypto: nodeCrypto, clock, device: device.device })
  return { context: { calls, crypto: nodeCrypto, random, clock }, calls: signedIn(calls, session), device }
}

async function newZone(home: Home, random: Random): Promise<ZoneId> {
  const owner = home.accounts[0]!
  const calls = network(home.service, chanceOf(0), () => NO_FAULTS)
  const signed = signIn(home, owner, calls, random)
  const { identity } = await readAccountZone(signed.context, signed.calls, owner)
  const by = { account: owner.account, identity }
  const { entry, state } = await createGenesis(nodeCrypto, random, by, { source: 'sealed' })
  await signed.calls.call('createZone', { body: { genesis: entry } })
  return state.zone
}
