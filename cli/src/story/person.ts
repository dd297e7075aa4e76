/** Test helper: a person with several devices on this machine, each a home and a folder, using the real `pileus`. */
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Ended, pileus, type RunOptions } from '../running.ts'
import { step } from './steps.ts'

export const PASSWORD = 'correct horse battery'

export interface DeviceOf {
  readonly home: string
  readonly folder: string
  /** The environment its commands run in. */
  readonly env: Readonly<Record<string, string>>
  /** Runs a command on this device. */
  run(line: string | readonly string[], options?: RunOptions): Promise<Ended>
  /** The same, and it has to end with 0. */
  ok(line: string | readonly string[], options?: RunOptions): Promise<Ended>
  /** The same, on the way to what the test is about: see `steps.ts`. */
  step(line: string | readonly string[], options?: Pick<RunOptions, 'env'>): Promise<Ended>
}

/** A device in `root` called `name`; nothing is signed in yet. */
export function createDevice(root: string, name: string): DeviceOf {
  const home = join(root, name, 'home')
  const folder = join(root, name, 'files')
  mkdirSync(folder, { recursive: true })
  const env = {
    PILEUS_HOME: home,
    PILEUS_PASSWORD: PASSWORD,
    PILEUS_KEYS: 'file',
    PILEUS_DEBUG: '1',
    PILEUS_DEVICE_NAME: name,
    XDG_STATE_HOME: join(root, 'state'),
  }
  const run: DeviceOf['run'] = (line, options = {}) =>
    pileus(wordsOf(line), { ...options, env: { ...env, ...options.env } })
  return {
    home,
    folder,
    env,
    run,
    ok: async (line, options) => wellEnded(line, await run(line, options)),
    step: async (line, options) => wellEnded(line, await step(wordsOf(line), { ...env, ...options?.env })),
  }
}

const wordsOf = (line: string | readonly string[]) => (typeof line === 'string' ? line.split(' ') : line)

function wellEnded(line: string | readonly string[], ended: Ended): Ended {
  if (ended.code === 0) return ended
  throw new Error(`pileus ${wordsOf(line).join(' ')} ended with ${ended.code}: ${ended.stderr}`)
}

/** A device that is signed up or logged in, and linked. */
export async function joinedDevice(
  root: string,
  name: string,
  how: 'signup' | 'login',
  server: string,
  account = 'ana',
): Promise<DeviceOf & { readonly phrase: string }> {
  const device = createDevice(root, name)
  const { stdout } = await device.step(['--json', how, account, '--server', server])
  await device.step(['link', device.folder])
  return { ...device, phrase: (JSON.parse(stdout) as { phrase?: string }).phrase ?? '' }
}

/** The raw secrets of a device whose keys are kept in clear. */
export function secretsOf(device: DeviceOf): { what: string; bytes: Buffer }[] {
  const file = JSON.parse(readFileSync(join(device.home, 'keys.json'), 'utf8')) as { clear: string }
  const secrets = JSON.parse(file.clear) as Record<string, string>
  return ['accountKey', 'deviceSeed'].map((name) => ({
    what: `the ${name} of ${device.home}`,
    bytes: Buffer.from(secrets[name]!, 'base64'),
  }))
}
