import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { tables } from '../replica/tables.ts'
import { openDatabase, openReadOnly, openSqliteStore } from './node.ts'
import { storeContract } from './store.contract.ts'
import { StoreCorrupt } from './store.ts'

const base = mkdtempSync(join(tmpdir(), 'pileus-store-'))
afterAll(() => rmSync(base, { recursive: true, force: true }))
let made = 0
const fresh = (): string => join(base, `${made++}.db`)

describe('a store in SQLite', () => {
  storeContract(() => openSqliteStore(fresh()))

  it('asks the disk itself to write, which macOS does only when told so', () => {
    const database = openDatabase(fresh(), false)
    const setting = (name: string) => Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0]
    expect(setting('fullfsync')).toBe(1)
    expect(setting('journal_mode')).toBe('wal')
    // 1 is NORMAL: the log is synced by checkpoints, and by each durable transaction, which sets 2.
    expect(setting('synchronous')).toBe(1)
    database.close()
  })

  it('is there again when it is opened again', () => {
    const path = fresh()
    const store = openSqliteStore(path)
    store.transaction('durable', (tx) => tx.put('t', 'k', 'v'))
    store.close()
    const again = openSqliteStore(path)
    expect(again.get('t', 'k')).toBe('v')
    again.close()
  })

  it('can be read by others while it is open, and after it was closed', () => {
    const path = fresh()
    expect(openReadOnly(path)).toBe(null)
    const store = openSqliteStore(path)
    const reader = openReadOnly(path)!
    expect(reader.get('t', 'k')).toBe(undefined)
    store.transaction('lazy', (tx) => tx.put('t', 'k', 'v'))
    expect(reader.get('t', 'k')).toBe('v')
    reader.close()
    store.close()
    const later = openReadOnly(path)!
    expect([...later.scan('t')]).toEqual([['k', 'v']])
    later.close()
  })

  it('says that it is damaged when it is no database', () => {
    const path = fresh()
    writeFileSync(path, 'this is a shopping list, '.repeat(400))
    expect(() => openSqliteStore(path)).toThrow(StoreCorrupt)
    expect(() => openReadOnly(path)).toThrow('Your files and the server')
  })

  it('gives its cache back at rest, and nothing else', () => {
    const store = openSqliteStore(fresh())
    store.transaction('lazy', (tx) => tx.put('t', 'k', 'v'))
    store.rest!()
    expect(store.get('t', 'k')).toBe('v')
    store.close()
  })

  it('says that it is damaged when its header is of no format that SQLite knows', () => {
    const path = fresh()
    const store = openSqliteStore(path)
    store.transaction('durable', (tx) => tx.put('t', 'k', 'v'))
    store.close()
    const bytes = readFileSync(path)
    bytes.fill(9, 44, 48)
    writeFileSync(path, bytes)
    expect(() => openSqliteStore(path)).toThrow(StoreCorrupt)
  })

  it('says that it is damaged when a row is no longer what was written', () => {
    const store = openSqliteStore(fresh())
    store.transaction('durable', (tx) => tx.put('known', 'k', '{"vector":{"a1":1}'))
    expect(() => tables.known.get(store, 'k')).toThrow(StoreCorrupt)
    expect(() => [...tables.known.entries(store)]).toThrow(StoreCorrupt)
    store.close()
  })

  it('says that it is damaged when pages in its middle are', () => {
    const path = fresh()
    const store = openSqliteStore(path)
    store.transaction('durable', (tx) => {
      for (let i = 0; i < 5_000; i++) tx.put('t', String(i), 'x'.repeat(100))
    })
    store.close()
    const bytes = readFileSync(path)
    bytes.fill(0x5a, 4_096 * 2)
    writeFileSync(path, bytes)
    const damaged = openSqliteStore(path)
    expect(() => [...damaged.scan('t')]).toThrow(StoreCorrupt)
    damaged.close()
  })
})
