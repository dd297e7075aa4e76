/**
 * Opens the engines that were chosen, all or none. Drivers are loaded when they are needed: that spares a server on one
 * machine a third of a second of its start.
 */
import type { Accounts } from './accounts/accounts.ts'
import { memoryAccounts } from './accounts/memory.ts'
import { sqliteAccounts } from './accounts/sqlite.ts'
import type { Blobs } from './blobs/blobs.ts'
import { fileBlobs } from './blobs/files.ts'
import { memoryBlobs } from './blobs/memory.ts'
import type { DataFolder } from './data-folder.ts'
import type { EngineChoices } from './engine-settings.ts'
import type { Live } from './live/live.ts'
import { memoryLive } from './live/memory.ts'
import type { Engines } from './rules/environment.ts'
import { newOpaqueSetup } from './rules/opaque.ts'
import { memoryZones } from './zones/memory.ts'
import { sqliteZones } from './zones/sqlite.ts'
import type { Zones } from './zones/zones.ts'

export interface OpenedEngines {
  readonly engines: Engines
  /** The secret that all passwords hang on: it rests where the accounts do. */
  readonly opaqueSetup: string
  /** Makes it another one: for engines that have no account yet. */
  setOpaqueSetup(setup: string): Promise<void>
}

const OPAQUE_SECRET = 'opaque-setup'

/** Engines that forget everything when the process ends. */
export async function openMemory(clock: () => number): Promise<OpenedEngines> {
  const engines = {
    accounts: memoryAccounts(),
    zones: memoryZones(),
    blobs: memoryBlobs(),
    live: memoryLive(clock),
  }
  return { engines, opaqueSetup: await newOpaqueSetup(), setOpaqueSetup: async () => undefined }
}

/** `folder` is there when an embedded engine was chosen. Throws EngineUnusable and the engines' own errors. */
export async function openEngines(
  choices: EngineChoices,
  folder: DataFolder | null,
  clock: () => number,
): Promise<OpenedEngines> {
  const opened: { close(): Promise<void> }[] = []
  const keep = <T extends { close(): Promise<void> }>(engine: T): T => {
    opened.push(engine)
    return engine
  }
  try {
    const { accounts, ...secret } = await openAccounts(choices.accounts, folder, keep)
    const zones = keep(await openZones(choices.zones, folder))
    const blobs = keep(await openBlobs(choices.blobs, folder, clock))
    const live = keep(await openLive(choices.live, clock))
    return { engines: { accounts, zones, blobs, live }, ...secret }
  } catch (error) {
    for (const engine of opened) await engine.close()
    throw error
  }
}

async function openAccounts(
  choice: EngineChoices['accounts'],
  folder: DataFolder | null,
  keep: <T extends Accounts>(engine: T) => T,
): Promise<Omit<OpenedEngines, 'engines'> & { accounts: Accounts }> {
  if (choice.kind === 'sqlite') {
    const { opaqueSetup, setOpaqueSetup } = folder!
    return { accounts: keep(sqliteAccounts(folder!.accounts)), opaqueSetup, setOpaqueSetup }
  }
  const { postgresAccounts } = await import('./accounts/postgres.ts')
  const accounts = keep(await postgresAccounts(choice.options))
  return {
    accounts,
    opaqueSetup: await accounts.secret(OPAQUE_SECRET, newOpaqueSetup),
    setOpaqueSetup: (setup) => accounts.setSecret(OPAQUE_SECRET, setup),
  }
}

async function openZones(choice: EngineChoices['zones'], folder: DataFolder | null): Promise<Zones> {
  switch (choice.kind) {
    case 'sqlite':
      return sqliteZones(folder!.zones)
    case 'postgres':
      return (await import('./zones/postgres.ts')).postgresZones(choice.options)
    case 'cassandra':
      return (await import('./zones/cassandra.ts')).cassandraZones(choice.options)
  }
}

async function openBlobs(
  choice: EngineChoices['blobs'],
  folder: DataFolder | null,
  clock: () => number,
): Promise<Blobs> {
  if (choice.kind === 'files') return fileBlobs(folder!.blobs, folder!.shared)
  return (await import('./blobs/s3.ts')).s3Blobs(choice.options, { clock })
}

async function openLive(choice: EngineChoices['live'], clock: () => number): Promise<Live> {
  if (choice.kind === 'memory') return memoryLive(clock)
  return (await import('./live/valkey.ts')).valkeyLive(choice.url)
}
