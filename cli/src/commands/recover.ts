/** `pileus recover`: this device joins an account by its recovery phrase, and the password is replaced. */
import { entropyFromPhrase } from '@pileus/core/crypto/phrase'
import type { Context } from '../context.ts'
import { recoverAccount } from '../device/sign-in.ts'
import { Failure } from '../failures/failure.ts'
import { newPassword, recoveryPhrase } from '../terminal/secrets.ts'
import { nextAfterSignIn, prepareDevice, type SignInOptions } from './new-device.ts'

export async function recover(context: Context, name: string, options: SignInOptions): Promise<undefined> {
  using prepared = await prepareDevice(context, name, options)
  const { place, keep } = prepared
  const phrase = await recoveryPhrase()
  // No account has this one: it is the example that everybody knows, and no key.
  if (entropyFromPhrase(phrase).every((byte) => byte === 0)) throw wrongPhrase()
  const password = await newPassword('PILEUS_NEW_PASSWORD')
  const signedIn = await keep(await byPhrase(() => recoverAccount(place, phrase, password)))
  context.out.done(
    [
      `The new password is set. Signed in as ${signedIn.name}; this device is ${signedIn.deviceName}.`,
      nextAfterSignIn(context),
    ],
    signedIn,
  )
}

/** Where the server speaks of a wrong password, the phrase is what was wrong here. */
async function byPhrase<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'wrong-credentials')) throw error
    throw wrongPhrase(error)
  }
}

function wrongPhrase(cause?: unknown): Failure {
  return new Failure(
    'not-signed-in',
    'wrong-credentials',
    'The name or the recovery phrase is wrong: check the words and their order.',
    cause,
  )
}
