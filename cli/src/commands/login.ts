/** `pileus login`: this device joins an account by its password. */
import type { Context } from '../context.ts'
import { signInByPassword } from '../device/sign-in.ts'
import { currentPassword } from '../terminal/secrets.ts'
import { nextAfterSignIn, prepareDevice, refuseWhileSignedIn, type SignInOptions } from './new-device.ts'

export async function login(context: Context, name: string, options: SignInOptions): Promise<undefined> {
  using prepared = await prepareDevice(context, name, options)
  const { place, keep } = prepared
  await refuseWhileSignedIn(context)
  const signedIn = await keep(await signInByPassword(place, await currentPassword(name)))
  context.out.done(
    [`Signed in as ${signedIn.name}; this device is ${signedIn.deviceName}.`, nextAfterSignIn(context)],
    signedIn,
  )
}
