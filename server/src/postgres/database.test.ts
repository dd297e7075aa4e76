/** Migrations, collisions and what is said of a database that cannot be used, on a real server. */
import { withEngine } from '@pileus/engines/in-tests'
import { launchPostgres } from '@pileus/engines/postgres'
import { Client } from 'pg'
import { describe, expect, it } from 'vitest'
import { postgresAccounts } from '../accounts/postgres.ts'
import { EngineUnreachable, EngineUnusable } from '../engine-errors.ts'
import { openPostgres } from './database.ts'
import { testDatabases } from './fixtures.ts'

const FIRST = 'CREATE TABLE counters (name text PRIMARY KEY, value bigint NOT NULL)'
const SECOND = "INSERT INTO counters VALUES ('a', 0), ('b', 0)"

await withEngine('postgres', 'the PostgreSQL database', (engine) => {
  const newDatabase = testDatabases(engine)
  const options = async () => ({ url: await newDatabase(), connections: 8 })

  describe(`migrations on ${engine.title}`, () => {
    it('run from empty and from each older version, each once, also when servers start together', async () => {
      const at = await options()
      const all = [FIRST, SECOND, "UPDATE counters SET value = value + 1 WHERE name = 'a'"]
      for (const known of [0, 1, 2]) {
        const fresh = await options()
        await (await openPostgres(fresh, 'things', all.slice(0, known))).close()
        const opened = await Promise.all([1, 2, 3, 4].map(() => openPostgres(fresh, 'things', all)))
        const { rows } = await opened[0]!.query("SELECT value FROM counters WHERE name = 'a'")
        expect(rows).toEqual([{ value: 1 }])
        for (const db of opened) await db.close()
      }
      const two = await Promise.all([postgresAccounts(at), postgresAccounts(at)])
      const secrets = await Promise.all(
        two.map((accounts, n) => accounts.secret('s', async () => `made by ${n}`)),
      )
      expect(secrets[0]).toBe(secrets[1])
      for (const accounts of two) await accounts.close()
    })

    it('leave nothing behind when one fails', async () => {
      const at = await options()
      await expect(openPostgres(at, 'things', [FIRST, `${SECOND}; SELECT nonsense`])).rejects.toThrow(
        'nonsense',
      )
      const db = await openPostgres(at, 'things', [FIRST, SECOND])
      expect((await db.query('SELECT count(*) AS count FROM counters')).rows).toEqual([{ count: 2 }])
      await db.close()
    })

    it('refuse a schema that a newer server made', async () => {
      const at = await options()
      await (await openPostgres(at, 'things', [FIRST, SECOND])).close()
      await expect(openPostgres(at, 'things', [FIRST])).rejects.toThrow(
        'cannot open the PostgreSQL schema things: it is of version 2, made by a newer Pileus; this one knows up to 1',
      )
    })
  })

  describe(`a database on ${engine.title}`, () => {
    it('runs transactions that collide again, until each had its turn', async () => {
      const db = await openPostgres(await options(), 'things', [FIRST, SECOND])
      const add = () =>
        db.serializable(async (session) => {
          const { rows } = await session.query("SELECT value FROM counters WHERE name = 'a'")
          await session.query("UPDATE counters SET value = $1 WHERE name = 'a'", [
            (rows[0]!.value as number) + 1,
          ])
        })
      await Promise.all(Array.from({ length: 24 }, add))
      expect((await db.query("SELECT value FROM counters WHERE name = 'a'")).rows).toEqual([{ value: 24 }])
      await db.close()
    })

    it('runs one of two again that wait for each other', async () => {
      const db = await openPostgres(await options(), 'things', [FIRST, SECOND])
      const both = (names: readonly string[]) =>
        db.serializable(async (session) => {
          for (const name of names) {
            await session.query('UPDATE counters SET value = value + 1 WHERE name = $1', [name])
            await new Promise((resolve) => setTimeout(resolve, 100))
          }
        })
      await Promise.all([both(['a', 'b']), both(['b', 'a'])])
      expect((await db.query('SELECT name, value FROM counters ORDER BY name')).rows).toEqual([
        { name: 'a', value: 2 },
        { name: 'b', value: 2 },
      ])
      await db.close()
    })

    it('goes on after its connections were cut', async () => {
      const at = await options()
      const db = await openPostgres(at, 'things', [FIRST, SECOND])
      await Promise.all([1, 2, 3].map(() => db.query('SELECT pg_sleep(0.05)')))
      const admin = new Client({ connectionString: at.url })
      await admin.connect()
      const cut = db.query('SELECT pg_sleep(60)').catch((error: unknown) => error)
      // Of this database alone: tests of other files run on the same server.
      const ours =
        "FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'pileus%'"
      await expect
        .poll(async () => (await admin.query(`SELECT 1 ${ours} AND query LIKE '%pg_sleep(60)%'`)).rowCount)
        .toBe(1)
      await admin.query(`SELECT pg_terminate_backend(pid) ${ours}`)
      await admin.end()
      expect(await cut).toBeInstanceOf(EngineUnreachable)
      // The others may be cut a moment later: a question that meets such a one is refused, and may be asked again.
      const rows = () =>
        db.query('SELECT count(*) AS count FROM counters').then(
          (answer) => answer.rows,
          (error: unknown) => expect(error).toBeInstanceOf(EngineUnreachable),
        )
      await expect.poll(rows).toEqual([{ count: 2 }])
      await db.close()
    })
  })

  describe('a PostgreSQL server that cannot be used', () => {
    const sentenceFor = async (change: (url: URL) => void): Promise<string> => {
      const url = new URL(await newDatabase())
      change(url)
      const failure = await openPostgres({ url: url.href, connections: 1 }, 'things', [FIRST]).then(
        () => undefined,
        (error: unknown) => error,
      )
      expect(failure).toBeInstanceOf(EngineUnusable)
      return (failure as EngineUnusable).message
    }

    it('with a wrong password', async () => {
      const sentence = await sentenceFor((url) => {
        url.password = 'wrong'
      })
      expect(sentence).toMatch(/refuses the user "pileus" with this password; correct PILEUS_POSTGRES_URL$/)
      expect(sentence).not.toContain('wrong')
    })

    it('without the database', async () => {
      expect(
        await sentenceFor((url) => {
          url.pathname = 'nowhere'
        }),
      ).toMatch(/it has no database "nowhere"; create it, or correct PILEUS_POSTGRES_URL$/)
    })

    it('out of reach', async () => {
      expect(
        await sentenceFor((url) => {
          url.port = '1'
        }),
      ).toMatch(
        /^cannot reach the PostgreSQL server at 127\.0\.0\.1:1: .*ECONNREFUSED.*; start it, or correct/,
      )
    })

    it('with a clock that is far from ours', async () => {
      const url = await newDatabase()
      for (const [seconds, word] of [
        [90, 'ahead of'],
        [-90, 'behind'],
      ] as const) {
        const options = { url, connections: 1, clock: () => Date.now() + seconds * 1_000 }
        await expect(openPostgres(options, 'things', [FIRST])).rejects.toThrow(
          `this machine's clock is 90 seconds ${word} that of the PostgreSQL server`,
        )
      }
    })

    it('that would lose what it acknowledged', async () => {
      const server = await launchPostgres()
      try {
        const url = server.settings.PILEUS_POSTGRES_URL!
        const admin = new Client({ connectionString: url })
        await admin.connect()
        await admin.query('ALTER SYSTEM SET fsync = off')
        await admin.query('SELECT pg_reload_conf()')
        await admin.end()
        await expect
          .poll(() =>
            openPostgres({ url, connections: 1 }, 'things', [FIRST]).then(
              (db) => db.close(),
              (error: Error) => error.message,
            ),
          )
          .toMatch(
            /its fsync or full_page_writes is off, so it would lose what it acknowledged; turn both on$/,
          )
      } finally {
        await server.remove()
      }
    })

    it('where the user may not create anything', async () => {
      const url = new URL(await newDatabase())
      const admin = new Client({ connectionString: url.href })
      await admin.connect()
      await admin.query("CREATE ROLE guest LOGIN PASSWORD 'guest'").catch(() => undefined)
      await admin.end()
      url.username = 'guest'
      url.password = 'guest'
      await expect(openPostgres({ url: url.href, connections: 1 }, 'things', [FIRST])).rejects.toThrow(
        /the user "guest" may not create what is needed \(.*\); grant it CREATE on the database/,
      )
    })
  })
})
