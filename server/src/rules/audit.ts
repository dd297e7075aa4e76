/** Audit events: what happened to an account, without names, tokens or content. */
import type { AuditEvent } from '../accounts/accounts.ts'
import type { Environment } from './environment.ts'

const DAY_MS = 86_400_000
/** Failures are what a guesser makes as many of as the rate limit lets through. */
const KEEP_DAYS = { auth: 730, zone: 365, failure: 90 } as const

type NewEvent = Pick<AuditEvent, 'type' | 'account'> & Partial<Pick<AuditEvent, 'device' | 'subject'>>

/** Records the event. A failure to do so is reported, and does not undo what happened. */
export async function audit(environment: Environment, event: NewEvent): Promise<void> {
  const at = environment.clock()
  const keepDays = keepDaysOf(event.type)
  try {
    await environment.engines.accounts.audit({
      device: null,
      subject: null,
      ...event,
      at,
      keepUntil: at + keepDays * DAY_MS,
    })
  } catch (error) {
    environment.observer.failed('audit', error)
  }
}

function keepDaysOf(type: AuditEvent['type']): number {
  if (type === 'auth.login_failed') return KEEP_DAYS.failure
  return type.startsWith('auth.') ? KEEP_DAYS.auth : KEEP_DAYS.zone
}
