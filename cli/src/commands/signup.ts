/** `pileus signup`: a new account, with this as its first device. */
import type { Context } from '../context.ts'
import { createAccount } from '../device/sign-in.ts'
import { phraseCard } from '../terminal/phrase-card.ts'
import { newPassword } from '../terminal/secrets.ts'
import { nextAfterSignIn, prepareDevice, refuseWhileSignedIn, type SignInOptions } from './new-device.ts'

export async function signup(context: Context, name: string, options: SignInOptions): Promise<undefined> {
  using prepared = await prepareDevice(context, name, options)
  const { place, keep } = prepared
  await refuseWhileSignedIn(context)
  const password = await newPassword('PILEUS_PASSWORD')
  const { device, phrase } = await createAccount(place, password)
  const signedIn = await keepOrShow(context, phrase, () => keep(device))
  const { out } = context
  out.result(
    [
      `Account ${signedIn.name} is created, and this device, ${signedIn.deviceName}, is signed in.`,
      '',
      out.bold('Your recovery phrase. Write it down now: it is shown only once.'),
      '',
      ...phraseCard(phrase),
      '',
      'Whoever has it can open everything; without it, a forgotten password cannot be replaced by anybody.',
      nextAfterSignIn(context),
    ],
    { ...signedIn, phrase },
  )
}

/** The account exists by now: whatever happens to this device's files, the person must get the phrase. */
async function keepOrShow<T>(context: Context, phrase: string, keep: () => Promise<T>): Promise<T> {
  try {
    return await keep()
  } catch (error) {
    const head = 'The account is created, but this device could not keep its keys. Your recovery phrase:'
    if (!context.out.json) context.out.result([head, ...phraseCard(phrase)], null)
    throw error
  }
}
