/** The two ends of a move: opened, told apart, and named for a person. */
import { realpathSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Config } from '../config.ts'
import { type DataFolder, lookIntoDataFolder, openDataFolder } from '../data-folder.ts'
import { type EngineChoices, needsFolder } from '../engine-settings.ts'
import { type OpenedEngines, openEngines } from '../engines.ts'
import { MoveStopped } from './stopped.ts'

export interface Place extends OpenedEngines {
  /** For a person, without secrets. */
  readonly name: string
  close(): Promise<void>
}

/** Opens engines that a server may be using at this moment. Throws what opening engines throws, and MoveStopped. */
export async function openSource(config: Config): Promise<Place> {
  const folder = needsFolder(config.engines) ? await lookIntoDataFolder(config.data) : null
  return open(config, folder)
}

/** Opens engines that nobody else may be using: a data folder is locked. */
export async function openTarget(config: Config): Promise<Place> {
  return open(config, needsFolder(config.engines) ? await openDataFolder(config.data) : null)
}

async function open(config: Config, folder: DataFolder | null): Promise<Place> {
  try {
    // Nobody listens to a move.
    const choices: EngineChoices = { ...config.engines, live: { kind: 'memory' } }
    const opened = await openEngines(choices, folder, Date.now)
    return {
      ...opened,
      name: placeName(config),
      async close() {
        for (const engine of Object.values(opened.engines)) await engine.close()
        folder?.unlock()
      },
    }
  } catch (error) {
    folder?.unlock()
    throw error
  }
}

/** Throws MoveStopped where an engine of the target keeps its data where the source does. */
export function requireOtherPlaces(source: Config, target: Config): void {
  const there = whereabouts(source)
  for (const [port, place] of Object.entries(whereabouts(target))) {
    if (there[port as keyof typeof there] !== place) continue
    throw new MoveStopped(
      `the target keeps its ${port} where the source does, in ${place}: choose another place for all of accounts, zones and blobs`,
    )
  }
}

/** Where the three ports keep their data, the same for the same place. */
function whereabouts({ data, engines: { accounts, zones, blobs } }: Config) {
  const folder = `the folder ${realFolder(data)}`
  return {
    accounts: accounts.kind === 'postgres' ? database(accounts.options.url) : folder,
    zones:
      zones.kind === 'postgres'
        ? database(zones.options.url)
        : zones.kind === 'cassandra'
          ? `the Cassandra keyspace ${zones.options.keyspace} at ${zones.options.contactPoints.join(', ')}`
          : folder,
    blobs:
      blobs.kind === 's3'
        ? `the bucket ${blobs.options.bucket} at ${blobs.options.endpoint ?? 'Amazon S3'}`
        : folder,
  }
}

function placeName(config: Config): string {
  const places = new Set(Object.values(whereabouts(config)))
  return [...places].join(' and ')
}

function database(url: string): string {
  const { hostname, port, pathname } = new URL(url)
  return `the database ${pathname.slice(1)} at ${hostname}:${port || '5432'}`
}

function realFolder(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    // Not made yet.
    return resolve(path)
  }
}
