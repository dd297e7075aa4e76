/** `pileus passwd`: replaces the password; the old one opens nothing any more. */
import { changePassword } from '@pileus/client/account/sign-in'
import type { Context } from '../context.ts'
import { openDevice } from '../device/device.ts'
import { currentPassword, newPassword } from '../terminal/secrets.ts'

export async function passwd(context: Context): Promise<undefined> {
  const device = await openDevice(context)
  const { name } = device.signedIn
  const current = await currentPassword(name)
  const next = await newPassword('PILEUS_NEW_PASSWORD')
  await changePassword(device.connection, { name, current, next })
  context.out.done([`The password of ${name} is changed. The recovery phrase stays as it was.`], {
    changed: true,
  })
}
