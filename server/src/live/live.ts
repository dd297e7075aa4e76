/**
 * The live port: what may be lost. Announcements between server processes, short-lived values, counters.
 * Nothing correct may depend on an announcement arriving: devices catch up by cursor.
 *
 * Promises of every engine:
 * - `publish` reaches every subscriber of the topic on every process, at most once each, in the order of one
 *   publisher, or not at all when the engine or a connection fails.
 * - `put`, `take` and `count` are atomic. A value is gone after its time, and may be gone before (a full or restarted
 *   engine); `take` gives a value to one caller only.
 * - Memory is bounded: old values give way to new ones.
 */
export interface Live {
  /** Resolves when the engine has the message, not when subscribers have. */
  publish(topic: string, message: Uint8Array): Promise<void>
  /**
   * Calls `listener` for each message from when this resolves until the returned function is called; calls `missed` when
   * messages may have been lost since, once later ones arrive again.
   */
  subscribe(topic: string, listener: (message: Uint8Array) => void, missed: () => void): Promise<() => void>

  put(key: string, value: string, seconds: number): Promise<void>
  /** The value, which is then gone. */
  take(key: string): Promise<string | undefined>
  /** Counts one more in a window that starts with the first and lasts `seconds`. */
  count(key: string, seconds: number): Promise<{ count: number; resetsInSeconds: number }>
  forget(key: string): Promise<void>

  check(): Promise<void>
  close(): Promise<void>
}
