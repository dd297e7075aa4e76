/** What nobody measured: how people use it, what machines hold, what things cost. Change a number and compute anew. */

export interface Assumptions {
  readonly accounts: number
  readonly bytesPerAccount: number
  readonly filesPerAccount: number
  readonly chunkBytes: number
  readonly packBytes: number
  readonly years: number
  readonly devicesPerAccount: number
  readonly onlineHoursPerDay: number
  readonly onlineShareAtPeak: number
  readonly savesPerDay: number
  readonly savesWithContentShare: number
  readonly bytesPerSave: number
  readonly savesPerBatch: number
  readonly catchUpsPerDeviceDay: number
  readonly passwordLoginsPerDay: number
  readonly signupsPerDay: number
  readonly peakFactor: number
  readonly utilisation: number
  readonly connectionsPerProcess: number
  readonly processMemoryBytes: number
  readonly cassandraReplicas: number
  readonly cassandraNodeBytes: number
  readonly cassandraNodeCores: number
  readonly postgresReplicas: number
  readonly postgresShardBytes: number
  readonly postgresShardCores: number
  readonly objectOverhead: number
  readonly objectsPerBucket: number
  readonly priceObjectTbMonth: number
  readonly priceDiskTbMonth: number
  readonly priceCoreMonth: number
  readonly priceMemoryGbMonth: number
  readonly priceMillionWrites: number
  readonly priceMillionReads: number
  readonly priceTrafficTb: number
}

/** Each with what it means. */
export const ASSUMED: { readonly [K in keyof Assumptions]: readonly [value: number, meaning: string] } = {
  accounts: [1e8, 'accounts'],
  bytesPerAccount: [1e10, 'bytes stored for an account, sealed and padded, equal chunks of a zone once'],
  filesPerAccount: [5_000, 'files of an account'],
  chunkBytes: [
    2.5e5,
    'bytes of a chunk on average: small files are one, large ones are cut every 320 KiB or so',
  ],
  packBytes: [4e6, 'bytes of a pack on average: up to 16 MiB, fewer where one file is saved'],
  years: [3, 'years that accounts are old: commit steps and batches are kept for ever'],
  devicesPerAccount: [3, 'devices of an account'],
  onlineHoursPerDay: [8, 'hours a day that a device is connected'],
  onlineShareAtPeak: [0.4, 'share of all devices connected at the peak'],
  savesPerDay: [20, 'records saved by an account in a day'],
  savesWithContentShare: [
    0.7,
    'share of the saves that bring new content; the others are names, places, deletions',
  ],
  bytesPerSave: [5e5, 'bytes of new chunks in a save with content'],
  savesPerBatch: [2, 'saves in a batch'],
  catchUpsPerDeviceDay: [
    10,
    'times a day that a device asks what is new: after sleep, or because an announcement was lost',
  ],
  passwordLoginsPerDay: [0.01, 'logins with a password by an account in a day'],
  signupsPerDay: [0.001, 'new accounts in a day for each that there is'],
  peakFactor: [3, 'requests at the peak for one on average'],
  utilisation: [0.5, 'share of a processor that is used at the peak'],
  connectionsPerProcess: [20_000, 'live connections of one server process'],
  processMemoryBytes: [1e9, 'memory of one server process with that many'],
  cassandraReplicas: [3, 'copies of each row'],
  cassandraNodeBytes: [1e12, 'bytes of rows on one Cassandra node, half of its disk'],
  cassandraNodeCores: [16, 'processors of a Cassandra node'],
  postgresReplicas: [2, 'copies of each account row: a primary and a standby'],
  postgresShardBytes: [5e11, 'bytes in one PostgreSQL primary'],
  postgresShardCores: [16, 'processors of one'],
  objectOverhead: [1.5, 'bytes on disks for a byte in the object store (erasure coding)'],
  objectsPerBucket: [
    1e9,
    'objects in one bucket of a store of your own; those that are sold have no such limit',
  ],
  priceObjectTbMonth: [10, 'units for a TB in the object store in a month'],
  priceDiskTbMonth: [80, 'units for a TB of solid-state disk in a month'],
  priceCoreMonth: [15, 'units for a processor in a month'],
  priceMemoryGbMonth: [2, 'units for a GB of memory in a month'],
  priceMillionWrites: [5, 'units for a million writes to the object store, where they are charged'],
  priceMillionReads: [0.4, 'units for a million reads from it'],
  priceTrafficTb: [5, 'units for a TB sent to devices'],
}

export function assumptions(): Assumptions {
  const entries = Object.entries(ASSUMED).map(([name, [value]]) => [name, value])
  return Object.fromEntries(entries) as unknown as Assumptions
}
