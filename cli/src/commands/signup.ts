/** `pileus signup`: a new account, with this as its first device. */
import type { Context } from '../context.ts'
import { createAccount } from '../device/sign-in.ts'
import { phraseCard } from '../terminal/phrase-card.ts'
import { newPassword } from '../terminal/secrets.ts'
import { prepareDevice, type SignInOptions } from './new-device.ts'

export async function signup(context: Context, name: string, options: SignInOptions): Promise<undefined> {
  const { place, keep } = await prepareDevice(context, name, options)
  const password = await newPassword('PILEUS_PASSWORD')
  const { device, phrase } = await createAccount(place, password)
  // Shown only when the keys are safely kept: a phrase of an account that this device lost would be all there is.
  const signedIn = await keep(device)
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
      'Next: pileus link DIR',
    ],
    { ...signedIn, phrase },
  )
}
