/** What the zones' logs say now, verified once and kept for the busiest zones. */
import type { ZoneId } from '@pileus/core/ids/ids'
import { verifyEntry, type ZoneState } from '@pileus/core/keys/zone-log'
import { DamagedStorage } from '../engine-errors.ts'
import type { Environment } from './environment.ts'

/** Zones kept; each is a few kB and can be read again. */
const KEPT_ZONES = 1_000
const ENTRIES_PER_READ = 100

/** Reads and keeps verified logs. One for each service. */
export class ZoneStates {
  readonly #kept = new Map<ZoneId, ZoneState>()

  /** The state of the log with `logLength` entries. Throws DamagedStorage when the stored log breaks its rules. */
  async at(environment: Environment, zone: ZoneId, logLength: number): Promise<ZoneState> {
    let state = this.#kept.get(zone) ?? null
    if (state && state.heads.length > logLength) state = null
    while ((state?.heads.length ?? 0) < logLength) {
      const from = state?.heads.length ?? 0
      const entries = await environment.engines.zones.log(zone, from, ENTRIES_PER_READ)
      if (entries.length === 0) throw new DamagedStorage(`the log of zone ${zone} ends at entry ${from}`)
      for (const entry of entries) state = verify(environment, state, entry, zone)
    }
    this.#keep(zone, state!)
    return state!
  }

  #keep(zone: ZoneId, state: ZoneState): void {
    this.#kept.delete(zone)
    this.#kept.set(zone, state)
    if (this.#kept.size > KEPT_ZONES) this.#kept.delete(this.#kept.keys().next().value!)
  }
}

function verify(
  { crypto }: Environment,
  state: ZoneState | null,
  entry: Uint8Array,
  zone: ZoneId,
): ZoneState {
  try {
    return verifyEntry(crypto, state, entry)
  } catch (error) {
    throw new DamagedStorage(`the log of zone ${zone}`, error)
  }
}
