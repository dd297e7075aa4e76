/** Zones: creating them, their heads, logs and writers (SRV-26 to SRV-29). */
import type { AccountId } from '@pileus/core/ids/ids'
import { logHead, memberNow, verifyEntry, type ZoneState } from '@pileus/core/keys/zone-log'
import { Problem } from '@pileus/core/protocol/problem'
import type { ZoneHead } from '@pileus/core/protocol/zone'
import type { Role } from '../accounts/accounts.ts'
import type { Head } from '../zones/zones.ts'
import { announce } from './announce.ts'
import { audit } from './audit.ts'
import type { Call, Handlers, ZoneCall } from './call.ts'
import { readChanges, readHistory, readSteps } from './changes.ts'
import { listen } from './live.ts'
import { notFound } from './not-found.ts'
import { type PushContext, push } from './push.ts'
import { deviceRemoved } from './sessions.ts'
import { newZone, shownHead } from './zone-head.ts'

/** Entries are up to 64 KiB: a page stays under 4 MiB. */
const LOG_PAGE_ENTRIES = 64
const ATTEMPTS_MAX = 20

type ZoneHandlers = Handlers<
  'createZone' | 'zone' | 'log' | 'appendLog' | 'writers' | 'changes' | 'history' | 'steps' | 'live' | 'push'
>

/** The handlers, sharing the service's verified logs and queues. */
export function zoneHandlers(context: PushContext): ZoneHandlers {
  return {
    createZone: (call) => createZone(call),
    zone: async ({ environment, zone }) => {
      const head = await environment.engines.zones.head(zone)
      if (!head) throw notFound()
      return shownHead(zone, head)
    },
    log: async ({ environment, zone, query }) => {
      const from = Number(query.from ?? 0)
      const entries = await environment.engines.zones.log(zone, from, LOG_PAGE_ENTRIES + 1)
      return { entries: entries.slice(0, LOG_PAGE_ENTRIES), more: entries.length > LOG_PAGE_ENTRIES }
    },
    appendLog: (call) => context.queues.run(call.zone, () => appendLog(context, call)),
    writers: (call) => writers(context, call),
    changes: readChanges,
    history: readHistory,
    steps: readSteps,
    live: listen,
    push: async ({ environment, principal, body, headers }) => {
      const device = await environment.engines.accounts.device(principal.device)
      if (!device || device.removedAt !== null) throw deviceRemoved()
      return push(context, device, body, headers['idempotency-key'])
    },
  }
}

async function createZone({ environment, principal, body }: Call<'createZone'>): Promise<ZoneHead> {
  const { engines, crypto } = environment
  const state = verifyEntry(crypto, null, body.genesis)
  const account = await engines.accounts.byId(principal.account)
  if (state.owner !== principal.account || !account || !signedBy(state, account.identityKey)) {
    throw new Problem(
      'not-allowed',
      'a zone is created by its owner: the first entry is signed by somebody else',
    )
  }
  const zone = newZone(crypto, state.zone, body.genesis, logHead(state))
  const result = await engines.zones.create(zone)
  await engines.accounts.setMembership(state.zone, principal.account, 'owner')
  if (result === 'created') {
    const { account, device } = principal
    await audit(environment, { type: 'zone.created', account, device, subject: state.zone })
  }
  const head = (await engines.zones.head(state.zone)) ?? zone.head
  return shownHead(state.zone, head)
}

function signedBy(state: ZoneState, identityKey: Uint8Array): boolean {
  const key = state.terms.get(state.owner)?.[0]?.identity.signingKey
  return key !== undefined && Buffer.compare(key, identityKey) === 0
}

async function appendLog(context: PushContext, call: ZoneCall<'appendLog'>): Promise<ZoneHead> {
  const { environment, zone, body, principal } = call
  const { zones } = environment.engines
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const head = await zones.head(zone)
    if (!head) throw notFound()
    const state = await context.states.at(environment, zone, head.logLength)
    if (await isLast(call, head)) {
      // A repeat whose first answer was lost, or whose server died before the memberships followed.
      await setMemberships(call, state, state)
      return shownHead(zone, head)
    }
    const after = judgeEntry(call, state, head)
    // Access ends before the entry is there and begins after it: never longer than the log says.
    await setMemberships(call, state, after, 'removals')
    const result = await zones.appendLog(zone, head, body.entry, logHead(after))
    if (result === 'moved') continue
    await setMemberships(call, state, after)
    const { account, device } = principal
    await audit(environment, { type: 'zone.log_appended', account, device, subject: zone })
    const shown = shownHead(zone, { ...head, logLength: after.heads.length, logHead: logHead(after) })
    await announce(environment, { head: shown, news: null })
    return shown
  }
  throw new Problem('too-many-requests', 'other servers write to this zone all the time: try again', {
    retryAfterSeconds: 1,
  })
}

async function isLast({ environment, zone, body }: ZoneCall<'appendLog'>, head: Head): Promise<boolean> {
  const [last] = await environment.engines.zones.log(zone, head.logLength - 1, 1)
  return last !== undefined && Buffer.compare(last, body.entry) === 0
}

/** SRV-28: the chain, the signature, and that an entry which ends a right fixes the zone's present sequence. */
function judgeEntry(call: ZoneCall<'appendLog'>, state: ZoneState, head: Head): ZoneState {
  let after: ZoneState
  try {
    after = verifyEntry(call.environment.crypto, state, call.body.entry)
  } catch (error) {
    if (isBehind(error)) {
      throw new Problem(
        'log-moved',
        `the log has ${head.logLength} entries: read it and sign the entry again`,
      )
    }
    throw error
  }
  const ended = endedAt(state, after)
  if (ended !== undefined && ended !== head.sequence) {
    throw new Problem(
      'log-moved',
      `the entry fixes sequence ${ended} and the zone stands at ${head.sequence}: sign it again`,
    )
  }
  return after
}

function isBehind(error: unknown): boolean {
  return error instanceof Error && 'reason' in error && error.reason === 'broken-chain'
}

/** The sequence at which this entry ended a term or a device; undefined when it ended none. */
function endedAt(before: ZoneState, after: ZoneState): number | undefined {
  const index = before.heads.length
  for (const terms of after.terms.values()) {
    const ended = terms.find(({ until }) => until?.index === index)
    if (ended?.until) return ended.until.atSequence
  }
  for (const ended of after.removedDevices.values()) if (ended.index === index) return ended.atSequence
  return undefined
}

/** Makes the memberships what the log says, for accounts whose role differs between the two states or from it. */
async function setMemberships(
  { environment, zone }: ZoneCall<'appendLog'>,
  before: ZoneState,
  after: ZoneState,
  which: 'all' | 'removals' = 'all',
): Promise<void> {
  const { accounts } = environment.engines
  const stored = new Map((await accounts.membersOf(zone)).map(({ account, role }) => [account, role]))
  const everybody = new Set([...before.terms.keys(), ...after.terms.keys(), ...stored.keys()])
  for (const account of everybody) {
    const role = roleOf(after, account)
    if (role === (stored.get(account) ?? null)) continue
    if (role === null || which === 'all') await accounts.setMembership(zone, account, role)
  }
}

function roleOf(state: ZoneState, account: AccountId): Role | null {
  if (account === state.owner) return 'owner'
  return memberNow(state, account)?.role ?? null
}

/** SRV-29: every device, removed ones too, of every account that is or was a member. */
async function writers({ states }: PushContext, { environment, zone }: ZoneCall<'writers'>) {
  const { zones, accounts } = environment.engines
  const head = await zones.head(zone)
  if (!head) throw notFound()
  const state = await states.at(environment, zone, head.logLength)
  const all: {
    device: Awaited<ReturnType<typeof accounts.devices>>[number]['id']
    certificate: Uint8Array
  }[] = []
  for (const account of state.terms.keys()) {
    for (const { id, certificate } of await accounts.devices(account)) all.push({ device: id, certificate })
  }
  return { writers: all }
}
