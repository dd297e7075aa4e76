/** Returns this many unpredictable bytes. An argument everywhere, so that a simulation can replay a run. */
export type Random = (bytes: number) => Uint8Array
