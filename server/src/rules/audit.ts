/** Audit events: what happened to an account, without names, tokens or content. */
import type { AuditEvent } from '../accounts/accounts.ts'
import type { Environment } from './environment.ts'

const DAY_MS = 86_400_000
const KEEP_DAYS = { auth: 730, zone: 365 } as const

type NewEvent = Pick<AuditEvent, 'type' | 'account'> & Partial<Pick<AuditEvent, 'device' | 'subject'>>

/** Records the event. A failure to do so is reported, and does not undo what happened. */
export async function audit(environment: Environment, event: NewEvent): Promise<void> {
  const at = environment.clock()
  const keepDays = event.type.startsWith('auth.') ? KEEP_DAYS.auth : KEEP_DAYS.zone
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
