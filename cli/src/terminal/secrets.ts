/** Passwords and phrases: from the environment or the terminal, never from the command line. */
import { PASSWORD_MIN_CHARACTERS } from '@pileus/core/limits'
import { Failure } from '../failures/failure.ts'
import { ask, askHidden, canAsk } from './prompt.ts'

/** The password of an existing account. */
export async function currentPassword(name: string): Promise<string> {
  const given = process.env.PILEUS_PASSWORD
  if (given) return given
  requireTerminal('password', 'PILEUS_PASSWORD')
  return nonEmpty(await askHidden(`Password of ${name}: `), 'password')
}

/** A new password, asked twice. `variable` names where a script puts it. */
export async function newPassword(variable: 'PILEUS_PASSWORD' | 'PILEUS_NEW_PASSWORD'): Promise<string> {
  const given = process.env[variable]
  if (given) return longEnough(given)
  requireTerminal('new password', variable)
  const first = longEnough(await askHidden('New password: '))
  if ((await askHidden('The same again: ')) !== first) {
    throw new Failure(
      'usage',
      'passwords-differ',
      'The two passwords differ: nothing was changed, try again.',
    )
  }
  return first
}

/** The recovery phrase. Shown while typed: 24 words without sight of them are hard to get right. */
export async function recoveryPhrase(): Promise<string> {
  const given = process.env.PILEUS_PHRASE
  if (given) return given
  requireTerminal('recovery phrase', 'PILEUS_PHRASE')
  return nonEmpty(await ask('Recovery phrase (24 words): '), 'recovery phrase')
}

/** The passphrase that seals this device's keys; asked twice when it is new. */
export async function keysPassphrase(isNew: boolean): Promise<string> {
  const given = process.env.PILEUS_PASSPHRASE
  if (given) return given
  requireTerminal('passphrase', 'PILEUS_PASSPHRASE')
  const first = nonEmpty(await askHidden("Passphrase for this device's keys: "), 'passphrase')
  if (isNew && (await askHidden('The same again: ')) !== first) {
    throw new Failure(
      'usage',
      'passphrases-differ',
      'The two passphrases differ: nothing was changed, try again.',
    )
  }
  return first
}

function requireTerminal(what: string, variable: string): void {
  if (canAsk()) return
  throw new Failure('usage', 'nobody-to-ask', `No ${what}: this is not a terminal, so set ${variable}.`)
}

function nonEmpty(text: string, what: string): string {
  if (text !== '') return text
  throw new Failure('usage', 'empty-answer', `An empty ${what} cannot be right: try again.`)
}

function longEnough(password: string): string {
  if ([...password].length >= PASSWORD_MIN_CHARACTERS) return password
  throw new Failure(
    'usage',
    'password-too-short',
    `The password needs at least ${PASSWORD_MIN_CHARACTERS} characters: everything you store is protected by it.`,
  )
}
