/** Waiting, as a port: what is timed can be simulated. */
export interface Timers {
  /** Calls `act` once after so many milliseconds, unless the returned function was called before. */
  after(milliseconds: number, act: () => void): () => void
}
