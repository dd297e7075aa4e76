/** `pileus recover`: this device joins an account by its recovery phrase, and the password is replaced. */
import type { Context } from '../context.ts'
import { recoverAccount } from '../device/sign-in.ts'
import { newPassword, recoveryPhrase } from '../terminal/secrets.ts'
import { prepareDevice, type SignInOptions } from './new-device.ts'

export async function recover(context: Context, name: string, options: SignInOptions): Promise<undefined> {
  const { place, keep } = await prepareDevice(context, name, options)
  const phrase = await recoveryPhrase()
  const signedIn = await keep(await recoverAccount(place, phrase, await newPassword('PILEUS_NEW_PASSWORD')))
  context.out.result(
    [`The new password is set. Signed in as ${signedIn.name}; this device is ${signedIn.deviceName}.`],
    signedIn,
  )
}
