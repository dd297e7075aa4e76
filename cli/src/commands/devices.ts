/** `pileus devices`: the devices of the account. */
import {
  listDevices as devicesOf,
  type ListedDevice,
  removeDevice as takeOut,
} from '@pileus/client/account/devices'
import type { Context } from '../context.ts'
import { openDevice } from '../device/device.ts'
import { Failure } from '../failures/failure.ts'
import { noteStanding } from '../home/signed-in.ts'
import { columns, printable } from '../terminal/format.ts'
import { ask, canAsk } from '../terminal/prompt.ts'

export async function listDevices(context: Context): Promise<undefined> {
  const device = await openDevice(context)
  const devices = await devicesOf(device.connection)
  const rows = devices.map((one) => [
    one.id.slice(0, 8),
    printable(one.name) || '(no name yet)',
    standing(one),
  ])
  context.out.result(columns(rows), { devices })
}

export async function removeDevice(context: Context, wanted: string): Promise<undefined> {
  const device = await openDevice(context)
  const found = choose(await devicesOf(device.connection), wanted)
  const name = printable(found.name)
  if (found.thisDevice && canAsk()) await confirmOwn(name)
  await takeOut(device.connection, found.id)
  if (found.thisDevice) noteStanding(context.home, 'removed')
  context.out.done(
    [
      `${name}${found.thisDevice ? ', this very device,' : ''} is removed: it can neither read nor write from now on. What it holds already, it keeps.`,
    ],
    { removed: found.id, name: found.name },
  )
}

async function confirmOwn(name: string): Promise<void> {
  process.stderr.write(`${name} is this very device: it will sync no more until it signs in again.\n`)
  if ((await ask('Remove it? yes or no: ')).trim() === 'yes') return
  throw new Failure('usage', 'not-confirmed', 'That was no yes: nothing was changed.')
}

function standing(device: ListedDevice): string {
  if (device.removedAt !== null) return `removed ${day(device.removedAt)}`
  if (device.thisDevice) return 'this device'
  if (!device.certified) return 'not vouched for by your account: it can open nothing; remove it'
  return device.lastSeenAt === null ? `added ${day(device.addedAt)}` : `last seen ${day(device.lastSeenAt)}`
}

/** The one device that `wanted` names: its name, its id, or the beginning of its id. */
function choose(devices: readonly ListedDevice[], wanted: string): ListedDevice {
  const here = devices.filter((one) => one.removedAt === null)
  const named = here.filter((one) => one.name === wanted || one.id === wanted)
  const found =
    named.length > 0 ? named : here.filter((one) => wanted.length >= 4 && one.id.startsWith(wanted))
  if (found.length === 1) return found[0]!
  const quoted = JSON.stringify(wanted)
  const removed = devices.find(({ name, id, removedAt }) => removedAt && (name === wanted || id === wanted))
  if (found.length === 0 && removed) {
    const when = day(removed.removedAt!)
    throw new Failure(
      'usage',
      'no-such-device',
      `${quoted} was removed already, on ${when}: nothing was changed.`,
    )
  }
  throw found.length === 0
    ? new Failure('usage', 'no-such-device', `No device is called ${quoted}: \`pileus devices\` lists them.`)
    : new Failure(
        'usage',
        'ambiguous-device',
        `${found.length} devices are called ${quoted}: use the id that \`pileus devices\` shows.`,
      )
}

/** The day of an ISO time. */
function day(time: string): string {
  return time.slice(0, 10)
}
