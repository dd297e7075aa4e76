/** How far a move is. */

export type Progress =
  | { readonly step: 'fenced' }
  | ({ readonly step: 'copying' | 'verifying' } & Tally)
  | { readonly step: 'verified' }

export interface Tally {
  readonly zones: number
  readonly zonesTotal: number
  /** As they count against quotas: records with their history, and chunks. */
  readonly bytes: number
  readonly bytesTotal: number
}

/** Told often; whoever shows it decides how often. */
export type Told = (progress: Progress) => void

/** Counts zones and bytes of one pass over all zones. */
export class Counter {
  readonly #step: 'copying' | 'verifying'
  readonly #total: Pick<Tally, 'zonesTotal' | 'bytesTotal'>
  readonly #told: Told
  #zones = 0
  #bytes = 0

  constructor(step: 'copying' | 'verifying', total: Pick<Tally, 'zonesTotal' | 'bytesTotal'>, told: Told) {
    this.#step = step
    this.#total = total
    this.#told = told
  }

  bytes(count: number): void {
    this.#bytes += count
    this.#tell()
  }

  zone(): void {
    this.#zones++
    this.#tell()
  }

  #tell(): void {
    this.#told({ step: this.#step, zones: this.#zones, bytes: this.#bytes, ...this.#total })
  }
}
