/** `pileus whoami`. */
import { whoAmI } from '@pileus/client/account/devices'
import type { Context } from '../context.ts'
import { openDevice } from '../device/device.ts'
import { columns, formatBytes } from '../terminal/format.ts'

export async function whoami(context: Context): Promise<undefined> {
  const device = await openDevice(context)
  const { signedIn } = device
  const { quotaBytes, usedBytes } = await whoAmI(device.connection)
  const { server, name, account, deviceName, keys } = signedIn
  context.out.result(
    columns([
      ['account', name],
      ['server', server],
      ['device', deviceName],
      ['keys', keys === 'file' ? 'in a file readable by this user only' : 'in a file sealed by a passphrase'],
      ['room', `${formatBytes(usedBytes)} of ${formatBytes(quotaBytes)} used`],
    ]),
    { name, account, server, device: signedIn.device, deviceName, keys, usedBytes, quotaBytes },
  )
}
