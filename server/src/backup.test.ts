/** Backups as docs/operations.md tells to make them: taken while the server runs and is written to, and served from again. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { copyFile, cp, mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { backup, DatabaseSync } from 'node:sqlite'
import { promisify } from 'node:util'
import { withEngine } from '@pileus/engines/in-tests'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  ask,
  get,
  logIn,
  newChunks,
  newZone,
  type Person,
  packOf,
  pushOf,
  putPack,
  signUp,
  type TestZone,
} from './api/fixtures.ts'
import type { EngineChoices } from './engine-settings.ts'
import { testDatabases } from './postgres/fixtures.ts'
import { type RunningServer, startServer } from './start.ts'

const folder = mkdtempSync(join(tmpdir(), 'pileus-backup-'))
afterAll(() => rmSync(folder, { recursive: true }))

const run = promisify(execFile)

/** After the databases; without what is only half there. */
async function copyBlobs(data: string, copy: string): Promise<void> {
  const incoming = join(data, 'blobs', 'incoming')
  const filter = (path: string) => path !== incoming
  await cp(join(data, 'blobs'), join(copy, 'blobs'), { recursive: true, filter })
}

/** Somebody who saves again and again, until told to stop. */
class Writer {
  readonly #ana: Person
  readonly #zone: TestZone
  #stopping = false
  #saving: Promise<void> | undefined
  /** Saves that the server acknowledged. */
  saved = 0

  constructor(ana: Person, zone: TestZone) {
    this.#ana = ana
    this.#zone = zone
  }

  start(): void {
    this.#saving = (async () => {
      while (!this.#stopping) await this.save()
    })()
  }

  async save(): Promise<void> {
    const chunks = newChunks(2, 5_000)
    await putPack(this.#ana, this.#zone.zone, packOf(chunks))
    const wanted = [{ chunks: chunks.map(({ id }) => id) }]
    await get(this.#ana.url, 'push', {
      token: this.#ana.token,
      message: pushOf(this.#ana, this.#zone, wanted),
    })
    this.saved++
  }

  async stop(): Promise<void> {
    this.#stopping = true
    await this.#saving
  }
}

function backupContract(
  name: string,
  start: () => Promise<RunningServer>,
  backUpAndRestore: () => Promise<RunningServer>,
): void {
  describe(`a backup of ${name}`, () => {
    let server: RunningServer
    beforeAll(async () => {
      server = await start()
    })

    it('holds all that was acknowledged before, and every record in it has its chunks', {
      timeout: 120_000,
    }, async () => {
      const ana = await signUp(server.url, 'ana')
      const zone = await newZone(ana)
      const writer = new Writer(ana, zone)
      for (let n = 0; n < 5; n++) await writer.save()
      const before = writer.saved
      writer.start()
      const restored = await backUpAndRestore()
      await writer.stop()
      expect(writer.saved).toBeGreaterThan(before)
      await server.close()
      try {
        expect(await logIn(restored.url, 'ana', ana.password)).toMatchObject({ status: 200 })
        const asked = { token: ana.token, params: { zone: zone.zone } }
        const { changes } = await get(restored.url, 'changes', asked)
        expect(changes.length).toBeGreaterThanOrEqual(before)
        for (const { record } of changes) {
          const { status } = await ask(restored.url, 'fetch', { ...asked, message: { ids: record.refs.ids } })
          expect(status).toBe(200)
        }
      } finally {
        await restored.close()
      }
    })
  })
}

{
  const [data, copy] = ['data', 'copy'].map((name) => join(folder, name)) as [string, string]
  backupContract(
    'SQLite and files',
    () => startServer({ data, port: 0 }),
    async () => {
      await mkdir(copy, { mode: 0o700 })
      await copyFile(join(data, 'opaque-setup'), join(copy, 'opaque-setup'))
      for (const file of ['accounts.db', 'zones.db']) {
        const db = new DatabaseSync(join(data, file), { readOnly: true })
        await backup(db, join(copy, file))
        db.close()
      }
      await copyBlobs(data, copy)
      return startServer({ data: copy, port: 0 })
    },
  )
}

await withEngine('postgres', 'a backup of PostgreSQL', (engine) => {
  const database = testDatabases(engine)
  const blobs = join(folder, 'blobs')
  const copy = join(folder, 'blobs-copy')
  let url: string
  const on = (from: string): EngineChoices => {
    const options = { url: from, connections: 4 }
    return {
      accounts: { kind: 'postgres', options },
      zones: { kind: 'postgres', options },
      blobs: { kind: 'files' },
      live: { kind: 'memory' },
    }
  }
  backupContract(
    `${engine.title} and files`,
    async () => {
      url = await database()
      return startServer({ data: blobs, port: 0, engines: on(url) })
    },
    async () => {
      const dump = join(folder, 'dump')
      await run('pg_dump', ['--format=custom', `--file=${dump}`, url])
      await copyBlobs(blobs, copy)
      const target = await database()
      await run('pg_restore', ['--no-owner', '--exit-on-error', `--dbname=${target}`, dump])
      return startServer({ data: copy, port: 0, engines: on(target) })
    },
  )
})
