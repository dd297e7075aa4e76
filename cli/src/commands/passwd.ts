/** `pileus passwd`: replaces the password; the old one opens nothing any more. */
import { whoAmI } from '@pileus/client/account/devices'
import { changePassword } from '@pileus/client/account/sign-in'
import type { Context } from '../context.ts'
import { openDevice } from '../device/device.ts'
import { Failure } from '../failures/failure.ts'
import { currentPassword, newPassword } from '../terminal/secrets.ts'

export async function passwd(context: Context): Promise<undefined> {
  const device = await openDevice(context)
  const { name } = device.signedIn
  // A device that was removed, or a server that is away, is told of before three questions.
  await whoAmI(device.connection)
  const current = await currentPassword(name)
  const next = await newPassword('PILEUS_NEW_PASSWORD')
  try {
    await changePassword(device.connection, { name, current, next })
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'wrong-credentials')) throw error
    throw new Failure(
      'not-signed-in',
      'wrong-credentials',
      'The current password is wrong: if it is forgotten, `pileus recover` sets a new one.',
      error,
    )
  }
  context.out.done([`The password of ${name} is changed. The recovery phrase stays as it was.`], {
    changed: true,
  })
}
