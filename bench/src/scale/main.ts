/**
 * `npm run scale`: measures what operations cost on the embedded and on the real engines, keeps it in measured.json, and
 * computes docs/scale.md anew. `npm run scale -- --compute` only computes. `--quick` does everything a few times, and
 * keeps nothing.
 */
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { memoryLive } from '@pileus/server/live/memory'
import { valkeyLive } from '@pileus/server/live/valkey'
import { treeBytes, treeSeconds } from '../measure/proc.ts'
import { machine } from '../report/table.ts'
import { measureAnnounce } from './announce.ts'
import { cassandraRows, cassandraTables, postgresTables, sqliteTables } from './at-rest.ts'
import { writeDocument } from './document.ts'
import {
  type AtRest,
  type Measured,
  readMeasured,
  type SystemMeasured,
  type SystemName,
  saveMeasured,
} from './measured.ts'
import { type Done, measureOperations, TIMES, type Times } from './operations.ts'
import { type LaunchedEngine, launch, startSystem } from './system.ts'

const QUICK: Times = { accounts: 3, logins: 3, requests: 5, pushes: 5, pages: 2, packs: 2 }
const SHARED = { PILEUS_ACCOUNTS: 'postgres', PILEUS_BLOBS: 's3', PILEUS_LIVE: 'valkey' }

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { compute: { type: 'boolean', default: false }, quick: { type: 'boolean', default: false } },
  })
  if (values.compute) return writeDocument(readMeasured())
  const measured = await measure(values.quick ? QUICK : TIMES)
  if (values.quick) return console.log(JSON.stringify(measured, null, 1))
  saveMeasured(measured)
  writeDocument(measured)
}

async function measure(times: Times): Promise<Measured> {
  // Engines put their data in temporary folders; here their sizes can be seen.
  const folder = mkdtempSync(join(tmpdir(), 'pileus-scale-'))
  chmodSync(folder, 0o755)
  process.env.TMPDIR = folder
  // The engines end with this process.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
      process.exit(130)
    })
  }
  const systems: SystemMeasured[] = []
  const engines: LaunchedEngine[] = []
  let load = loadavg()[0]!
  let recordBytes = 0
  const end = async () => {
    for (const { engine } of engines) await engine.remove()
    rmSync(folder, { recursive: true, force: true })
  }
  const add = async (name: SystemName, choices: Record<string, string>, rest: () => Promise<AtRest>) => {
    process.stderr.write(`${name} …\n`)
    const { done, serverBytes } = await measureSystem(engines, choices, times)
    recordBytes = done.recordBytes
    load = Math.max(load, loadavg()[0]!)
    const announce = await announceCost(engines, done, times)
    systems.push({
      name,
      engines: engines.map(({ engine }) => engine.title).join(', ') || 'SQLite, files, memory',
      costs: [...done.costs, announce],
      atRest: await rest(),
      idleMs: done.idleMs,
      serverBytes,
    })
  }
  try {
    const data = join(folder, 'embedded')
    await add('embedded', { PILEUS_DATA: data }, async () => ({
      engine: 'SQLite',
      tables: ['accounts.db', 'zones.db'].flatMap((file) => sqliteTables(join(data, file))),
    }))
    for (const name of ['postgres', 's3', 'valkey'] as const) engines.push(await launch(name))
    const { title, settings } = engines[0]!.engine
    await add('postgres', { ...SHARED, PILEUS_ZONES: 'postgres' }, async () => ({
      engine: title,
      tables: await postgresTables(settings.PILEUS_POSTGRES_URL!),
    }))
    // An empty one again: names are given out anew.
    await engines.shift()!.engine.remove()
    engines.unshift(await launch('postgres'))
    engines.push(await launch('cassandra'))
    await add('cassandra', { ...SHARED, PILEUS_ZONES: 'cassandra' }, async () => {
      const { engine } = engines.at(-1)!
      const rows = await cassandraRows(engine.settings, 'pileus')
      await engine.stop('in order')
      const root = readdirSync(folder).find((name) => name.startsWith('pileus-cassandra-'))!
      return { engine: engine.title, tables: cassandraTables(join(folder, root, 'data', 'pileus'), rows) }
    })
  } finally {
    await end()
  }
  return { day: new Date().toISOString().slice(0, 10), machine: machine(), load, recordBytes, systems }
}

async function measureSystem(
  engines: readonly LaunchedEngine[],
  choices: Record<string, string>,
  times: Times,
): Promise<{ done: Done; serverBytes: number }> {
  await using system = await startSystem(engines, choices)
  const done = await measureOperations(system, times)
  return { done, serverBytes: treeBytes(system.pid, 'VmHWM') }
}

async function announceCost(engines: readonly LaunchedEngine[], { idleMs }: Done, times: Times) {
  const valkey = engines.find(({ engine }) => engine.name === 'valkey')
  const used = () =>
    valkey
      ? { valkey: valkey.pids.reduce((sum, pid) => sum + treeSeconds(pid), 0) }
      : ({} as Record<string, number>)
  const url = valkey?.engine.settings.PILEUS_VALKEY_URL
  const live = url === undefined ? [memoryLive(Date.now)] : [await valkeyLive(url), await valkeyLive(url)]
  try {
    return await measureAnnounce(live, times.requests, used, { ...idleMs, server: 0 })
  } finally {
    for (const one of live) await one.close()
  }
}

await main()
