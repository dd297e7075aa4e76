import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { EngineUnusable, StorageFull } from '../engine-errors.ts'
import { Database } from './database.ts'

const folder = mkdtempSync(join(tmpdir(), 'pileus-database-'))
afterAll(() => rmSync(folder, { recursive: true }))

const MIGRATIONS = ['CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL)']
let files = 0
let path: string
let db: Database
beforeEach(() => {
  path = join(folder, `${++files}.db`)
  db = new Database(path, 'notes', MIGRATIONS)
})
afterEach(() => db.close())

const add = (text: string | null) =>
  db.write(() => db.prepare('INSERT INTO notes (text) VALUES (?)').run(text).changes)
const texts = () =>
  db
    .prepare('SELECT text FROM notes ORDER BY id')
    .all()
    .map((row) => row.text)

describe('writes that wait together', () => {
  it('are all there once each resolved', async () => {
    await Promise.all(Array.from({ length: 200 }, (_, n) => add(String(n))))
    expect(texts()).toEqual(Array.from({ length: 200 }, (_, n) => String(n)))
  })

  it('fail alone: the others of the group are kept', async () => {
    const results = await Promise.allSettled([add('a'), add(null), add('b')])
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(texts()).toEqual(['a', 'b'])
  })

  it('undo what the failed one wrote before it failed', async () => {
    const half = db.write(() => {
      db.prepare('INSERT INTO notes (text) VALUES (?)').run('half')
      throw new Error('changed its mind')
    })
    const other = add('whole')
    await expect(half).rejects.toThrow('changed its mind')
    await other
    expect(texts()).toEqual(['whole'])
  })

  it('are committed by a close that comes right after them', async () => {
    const writing = add('last')
    db.close()
    await writing
    db = new Database(path, 'notes', MIGRATIONS)
    expect(texts()).toEqual(['last'])
    db.close()
    await expect(add('too late')).rejects.toThrow('closed')
  })
})

it('says that there is no room, keeps what it had, and goes on once there is', async () => {
  await add('before')
  db.prepare('PRAGMA max_page_count = 4').get()
  await expect(add('x'.repeat(100_000))).rejects.toThrow(StorageFull)
  expect(texts()).toEqual(['before'])
  db.prepare('PRAGMA max_page_count = 100000').get()
  await add('after')
  expect(texts()).toEqual(['before', 'after'])
})

it('flushes the log at every commit, so that what resolved survives a loss of power', () => {
  const setting = (name: string) => Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0]
  // https://www.sqlite.org/pragma.html#pragma_synchronous: 2 is FULL, which in WAL mode syncs the log after each commit.
  expect(setting('synchronous')).toBe(2)
  expect(setting('journal_mode')).toBe('wal')
  expect(setting('fullfsync')).toBe(1)
})

describe('a file of another version', () => {
  it('that is older is brought up to date and keeps its rows', async () => {
    await add('kept')
    db.close()
    db = new Database(path, 'notes', [...MIGRATIONS, 'ALTER TABLE notes ADD COLUMN stars INTEGER DEFAULT 3'])
    expect(db.prepare('SELECT text, stars FROM notes').get()).toEqual({ text: 'kept', stars: 3 })
  })

  it('that is newer is refused with what to do', () => {
    db.close()
    expect(() => new Database(path, 'notes', [])).toThrow(EngineUnusable)
    db = new Database(path, 'notes', MIGRATIONS)
  })
})
