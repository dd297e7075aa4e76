/** What sign-up, login and recovery share: checks before any question, and keeping what came of it. */
import { hostname } from 'node:os'
import { whoAmI } from '@pileus/client/account/devices'
import { ACCOUNT_NAME_MAX_CHARACTERS, DEVICE_NAME_MAX_CHARACTERS } from '@pileus/core/limits'
import type { Context } from '../context.ts'
import { openDevice } from '../device/device.ts'
import { Failure } from '../failures/failure.ts'
import { keysKeptHow, saveKeys } from '../home/key-file.ts'
import { readLinkedFolder } from '../home/linked-folder.ts'
import { serverAddress } from '../home/server-address.ts'
import { readSignedIn, type SignedIn, writeSignedIn } from '../home/signed-in.ts'
import { chooseKeyKeeping } from '../terminal/key-keeping.ts'
import { keysPassphrase } from '../terminal/secrets.ts'

export interface SignInOptions {
  readonly server?: string
  readonly deviceName?: string
}

/** Where a new device joins, and as what. */
export interface NewDevicePlace {
  readonly server: string
  readonly name: string
  readonly deviceName: string
  /** A person said that it is to be called so. */
  readonly isAskedFor: boolean
  readonly signal: AbortSignal
}

/** A device that the account just accepted. */
export interface NewDevice {
  readonly account: string
  readonly device: string
  /** As it was wanted, or with a number where another device has that name. */
  readonly deviceName: string
  /** Everything secret that the device must keep, as text. */
  readonly secrets: string
}

/** Disposed of before anything was kept, it leaves no empty home behind. */
export interface Prepared extends Disposable {
  readonly place: NewDevicePlace
  readonly keep: (device: NewDevice) => Promise<SignedIn>
}

export async function prepareDevice(
  context: Context,
  name: string,
  options: SignInOptions,
): Promise<Prepared> {
  const { home } = context
  const place: NewDevicePlace = {
    server: serverAddress(options.server),
    name: accountName(name),
    deviceName: deviceName(options.deviceName),
    isAskedFor: options.deviceName !== undefined,
    signal: context.signal,
  }
  requireNobody(context, place)
  using preparing = new DisposableStack()
  preparing.defer(home.prepare())
  const { keeping, announce } = await chooseKeyKeeping(context)
  const passphrase = keeping === 'passphrase' ? await keysPassphrase(true) : ''
  const prepared = preparing.move()
  return {
    place,
    async keep({ account, device, deviceName, secrets }) {
      const { server } = place
      const signedIn: SignedIn = { format: 1, server, name, account, device, deviceName, keys: keeping }
      await saveKeys(home, keeping, secrets, async () => passphrase)
      writeSignedIn(home, signedIn)
      announce()
      return signedIn
    },
    [Symbol.dispose]: () => prepared.dispose(),
  }
}

/** What to type now: a device that comes back has its folder already. */
export function nextAfterSignIn({ called, home }: Context): string {
  return `Next: ${called} ${readLinkedFolder(home) === null ? 'link DIR' : 'sync'}`
}

/**
 * One home is one device of one account. Signing in again at the same account is for a device that was removed or
 * lost its keys; what it was before stays in the list until it is removed there.
 */
function requireNobody(context: Context, place: NewDevicePlace): void {
  const found = readSignedIn(context.home)
  if (found === null || (found.name === place.name && found.server === place.server)) return
  throw new Failure(
    'usage',
    'already-signed-in',
    `${found.name} is signed in at ${JSON.stringify(context.home.path)} already: give the other account its own --home.`,
  )
}

/** Else the account would get a second device for the same home, and nobody would know which is which. */
export async function refuseWhileSignedIn(context: Context): Promise<void> {
  const found = readSignedIn(context.home)
  if (found === null || !(await stillWorks(context))) return
  throw new Failure(
    'usage',
    'already-signed-in',
    `${found.name} is signed in here already, as ${found.deviceName}: nothing was changed. Another device on this machine takes its own --home.`,
  )
}

/** Whether the keys that are here open a session. Keys under a passphrase are not asked for: it may be forgotten. */
async function stillWorks(context: Context): Promise<boolean> {
  try {
    if (keysKeptHow(context.home) !== 'file') return false
    const device = await openDevice(context)
    await whoAmI(device.connection)
    return true
  } catch {
    return false
  }
}

function accountName(name: string): string {
  if (/^[a-z0-9][a-z0-9._-]*$/.test(name) && name.length <= ACCOUNT_NAME_MAX_CHARACTERS) return name
  throw new Failure(
    'usage',
    'bad-name',
    `${JSON.stringify(name)} cannot be an account name: use lowercase letters, digits, dot, dash and underscore, starting with a letter or digit, at most ${ACCOUNT_NAME_MAX_CHARACTERS}.`,
  )
}

function deviceName(asked: string | undefined): string {
  const name = (asked ?? hostname()).trim() || 'device'
  if (asked === undefined) return [...name].slice(0, DEVICE_NAME_MAX_CHARACTERS).join('')
  if ([...name].length <= DEVICE_NAME_MAX_CHARACTERS && !/[\p{Cc}/]/u.test(name)) return name
  throw new Failure(
    'usage',
    'bad-device-name',
    `${JSON.stringify(name)} cannot name a device: at most ${DEVICE_NAME_MAX_CHARACTERS} characters, no slash.`,
  )
}
