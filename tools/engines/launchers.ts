/** Every engine's launcher, by its name. */
import { launchCassandra } from './cassandra.ts'
import type { EngineName, Launcher } from './engine.ts'
import { launchPostgres } from './postgres.ts'
import { launchS3 } from './s3.ts'
import { launchValkey } from './valkey.ts'

export const LAUNCHERS: Readonly<Record<EngineName, Launcher>> = {
  postgres: launchPostgres,
  valkey: launchValkey,
  s3: () => launchS3(),
  cassandra: launchCassandra,
}

export const ENGINE_NAMES = Object.keys(LAUNCHERS) as EngineName[]
