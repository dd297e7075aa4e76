/** Making this a device of an account: the client library's calls, at the place that was asked for. */
import type { DeviceAccount } from '@pileus/client/account/account'
import { logIn, recover } from '@pileus/client/account/sign-in'
import { signUp } from '@pileus/client/account/sign-up'
import { encodeSecrets } from '@pileus/client/keys/device-secrets'
import type { NewDevice, NewDevicePlace } from '../commands/new-device.ts'
import { checkedContext } from './network.ts'

export async function createAccount(
  place: NewDevicePlace,
  password: string,
): Promise<{ device: NewDevice; phrase: string }> {
  const made = await signUp(await checkedContext(place.server, place.signal), { ...wanted(place), password })
  return { device: newDevice(made.device), phrase: made.phrase }
}

export async function signInByPassword(place: NewDevicePlace, password: string): Promise<NewDevice> {
  const { device } = await logIn(await checkedContext(place.server, place.signal), {
    ...wanted(place),
    password,
  })
  return newDevice(device)
}

export async function recoverAccount(
  place: NewDevicePlace,
  phrase: string,
  newPassword: string,
): Promise<NewDevice> {
  const context = await checkedContext(place.server, place.signal)
  const { device } = await recover(context, { ...wanted(place), phrase, newPassword })
  return newDevice(device)
}

function wanted({ name, deviceName, isAskedFor }: NewDevicePlace) {
  return { name, deviceName, isAskedFor }
}

function newDevice(device: DeviceAccount): NewDevice {
  const { account, deviceName } = device
  return { account, device: device.device.id, deviceName, secrets: encodeSecrets(device) }
}
