/** `pileus login`: this device joins an account by its password. */
import { whoAmI } from '@pileus/client/account/devices'
import type { Context } from '../context.ts'
import { openDevice } from '../device/device.ts'
import { signInByPassword } from '../device/sign-in.ts'
import { Failure } from '../failures/failure.ts'
import { keysKeptHow } from '../home/key-file.ts'
import { readSignedIn } from '../home/signed-in.ts'
import { currentPassword } from '../terminal/secrets.ts'
import { prepareDevice, type SignInOptions } from './new-device.ts'

export async function login(context: Context, name: string, options: SignInOptions): Promise<undefined> {
  const { place, keep } = await prepareDevice(context, name, options)
  await refuseWhileSignedIn(context)
  const signedIn = await keep(await signInByPassword(place, await currentPassword(name)))
  context.out.done([`Signed in as ${signedIn.name}; this device is ${signedIn.deviceName}.`], signedIn)
}

/** Else the account would get a second device for the same home, and nobody would know which is which. */
async function refuseWhileSignedIn(context: Context): Promise<void> {
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
