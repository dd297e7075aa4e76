import type { Context, KeyKeeping } from '../context.ts'
import { Failure } from '../failures/failure.ts'
import { KEY_FILE } from '../home/key-file.ts'
import { ask, canAsk } from './prompt.ts'

export interface ChosenKeeping {
  readonly keeping: KeyKeeping
  /** Says on stderr what nobody was asked about: for when the keys are written. */
  announce(): void
}

/** How this device keeps its keys: as said with --keys or PILEUS_KEYS, else asked; in clear with nobody to ask. */
export async function chooseKeyKeeping(context: Context): Promise<ChosenKeeping> {
  if (context.keys !== undefined) return { keeping: context.keys, announce() {} }
  if (canAsk()) return { keeping: await askKeeping(), announce() {} }
  return { keeping: 'file', announce: () => announceClear(context) }
}

function announceClear(context: Context): void {
  context.out.note(
    `Keys are kept readable by this user only, not sealed, in ${context.home.at(KEY_FILE)} (--keys passphrase seals them).`,
  )
}

async function askKeeping(): Promise<KeyKeeping> {
  process.stderr.write(
    'This machine has no keychain that pileus can use. Keep the keys of this device\n' +
      '  1  in a file sealed by a passphrase, asked for at every command\n' +
      '  2  in a file that only this user can read\n',
  )
  const answer = (await ask('1 or 2? ')).trim()
  if (answer === '1') return 'passphrase'
  if (answer === '2') return 'file'
  throw new Failure(
    'usage',
    'no-answer',
    `${JSON.stringify(answer)} is neither 1 nor 2: nothing was changed, try again.`,
  )
}
