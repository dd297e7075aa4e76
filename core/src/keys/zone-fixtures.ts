/** Test helpers: people, a zone they share, and entries that no honest client would sign. */
import type { Crypto } from '../crypto/crypto.ts'
import { type AccountId, parseId } from '../ids/ids.ts'
import { refusal, seededRandom } from './fixtures.ts'
import { createIdentity, type PublicIdentity } from './identity.ts'
import { encodeEntry, type LogChange, type Role } from './log-entry.ts'
import type { SecretKey } from './secrets.ts'
import { signBody } from './signed.ts'
import { type Appended, type Author, appendEntry, createGenesis, newMember } from './zone-access.ts'
import { logHead, verifyEntry, type ZoneState } from './zone-log.ts'

export type Change = Exclude<LogChange, { kind: 'genesis' }>

/** A zone in which the owner took in a manager and a reader, and the manager a writer. */
export interface SharedZone {
  readonly owner: Author
  readonly manager: Author
  readonly writer: Author
  readonly reader: Author
  /** No member. */
  readonly stranger: Author
  readonly first: Appended & { readonly zoneKey: SecretKey }
  readonly entries: readonly Uint8Array[]
  readonly state: ZoneState
}

export function account(n: number): AccountId {
  return parseId('account', n.toString(16).padStart(2, '0').repeat(16))
}

/** The n-th person: the same for the same number. */
export async function person(crypto: Crypto, n: number): Promise<Author> {
  return { account: account(n), identity: await createIdentity(crypto, seededRandom(`person ${n}`)) }
}

/** The same zone in every run. */
export async function sharedZone(crypto: Crypto): Promise<SharedZone> {
  const random = seededRandom('zone log')
  const of = (n: number) => person(crypto, n)
  const [owner, manager, writer, reader, stranger] = await Promise.all([of(1), of(2), of(3), of(4), of(5)])
  const first = await createGenesis(crypto, seededRandom('genesis'), owner, { source: 'sealed' })
  const join = async (state: ZoneState, by: Author, who: Author, role: Role) => {
    const change = await newMember(random, state, first.zoneKey, { ...who, role }, 10)
    return appendEntry(crypto, state, by, change)
  }
  const second = await join(first.state, owner, manager, 'manager')
  const third = await join(second.state, manager, writer, 'writer')
  const fourth = await join(third.state, owner, reader, 'reader')
  const entries = [first, second, third, fourth].map((one) => one.entry)
  return { owner, manager, writer, reader, stranger, first, entries, state: fourth.state }
}

/** Signs a change without asking the rules, as a hostile client would. */
export function forge(crypto: Crypto, state: ZoneState, by: Author, change: LogChange): Uint8Array {
  const previous = logHead(state)
  const body = encodeEntry({ index: state.heads.length, previous, author: by.account, change })
  return signBody(crypto, by.identity.signingSeed, body)
}

/** Why a change signed by this author is refused; 'nothing' when it is not. */
export function refusedChange(
  crypto: Crypto,
  state: ZoneState,
  by: Author,
  change: LogChange,
): Promise<string> {
  return refusal(() => verifyEntry(crypto, state, forge(crypto, state, by, change)))
}

export function removalOf(who: Author, atSequence = 100): Change {
  return { kind: 'remove-member', account: who.account, atSequence }
}

export function publicOf({ identity: { signingKey, sealingKey } }: Author): PublicIdentity {
  return { signingKey, sealingKey }
}
