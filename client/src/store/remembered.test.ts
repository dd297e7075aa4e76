import { describe, expect, it } from 'vitest'
import { memoryStore } from './memory.ts'
import { rememberRows } from './remembered.ts'
import { storeContract } from './store.contract.ts'
import type { RowCodec, Store } from './store.ts'

const JSON_ROWS: RowCodec<{ n: number }> = {
  decode: (value) => JSON.parse(value as string),
  encode: (value) => JSON.stringify(value),
}

describe('a store that remembers rows', () => {
  storeContract(() => rememberRows(memoryStore()))

  it('writes a row once however often it is put, and not at all what never was there', () => {
    const below = memoryStore()
    const written: string[] = []
    const store = rememberRows(listening(below, (what) => written.push(what)))
    expect(store.decoded!('t', 'absent', JSON_ROWS)).toBeUndefined()
    store.transaction('lazy', (tx) => {
      for (let n = 0; n < 3; n++) tx.putDecoded!('t', 'a', { n }, JSON_ROWS)
      tx.delete('t', 'absent')
      expect(tx.decoded!('t', 'a', JSON_ROWS)).toEqual({ n: 2 })
      expect(below.get('t', 'a'), 'held back').toBeUndefined()
    })
    expect(written).toEqual(['put a'])
    expect(below.get('t', 'a')).toBe('{"n":2}')
  })

  it('shows a scan and a count what the transaction wrote before', () => {
    const store = rememberRows(memoryStore())
    store.transaction('lazy', (tx) => tx.put('t', 'b', '1'))
    store.transaction('lazy', (tx) => {
      tx.put('t', 'a', '1')
      tx.delete('t', 'b')
      expect([...tx.scan('t')]).toEqual([['a', '1']])
      expect(tx.count('t')).toBe(1)
    })
  })

  it('forgets what a failed transaction wrote and read', () => {
    const store = rememberRows(memoryStore())
    store.transaction('lazy', (tx) => tx.putDecoded!('t', 'a', { n: 1 }, JSON_ROWS))
    const failing = () =>
      store.transaction('lazy', (tx) => {
        tx.putDecoded!('t', 'a', { n: 2 }, JSON_ROWS)
        expect([...tx.scan('t')]).toHaveLength(1)
        throw new Error('not now')
      })
    expect(failing).toThrow('not now')
    expect(store.decoded!('t', 'a', JSON_ROWS)).toEqual({ n: 1 })
  })

  it('knows a table that was empty for one that is not, once it is written', () => {
    const store = rememberRows(memoryStore())
    expect(store.decoded!('t', 'a', JSON_ROWS)).toBeUndefined()
    store.transaction('lazy', (tx) => {
      expect(tx.decoded!('t', 'a', JSON_ROWS)).toBeUndefined()
      tx.putDecoded!('t', 'b', { n: 1 }, JSON_ROWS)
      expect(tx.decoded!('t', 'b', JSON_ROWS)).toEqual({ n: 1 })
      expect([...tx.scan('t')]).toHaveLength(1)
      expect(tx.decoded!('t', 'a', JSON_ROWS)).toBeUndefined()
    })
    expect(store.decoded!('t', 'b', JSON_ROWS)).toEqual({ n: 1 })
    store.transaction('lazy', (tx) => tx.delete('t', 'b'))
    expect(store.decoded!('t', 'b', JSON_ROWS)).toBeUndefined()
  })

  it('forgets at rest, and asks the store below to', () => {
    const below = memoryStore()
    let rested = 0
    const store = rememberRows(Object.assign(below, { rest: () => rested++ }))
    store.transaction('lazy', (tx) => tx.putDecoded!('t', 'a', { n: 1 }, JSON_ROWS))
    store.rest!()
    below.transaction('lazy', (tx) => tx.put('t', 'a', '{"n":2}'))
    expect([store.decoded!('t', 'a', JSON_ROWS), rested]).toEqual([{ n: 2 }, 1])
  })

  it('forgets what the store could not commit', () => {
    const below = memoryStore()
    const store = rememberRows(below)
    store.transaction('lazy', (tx) => tx.putDecoded!('t', 'a', { n: 1 }, JSON_ROWS))
    below.failAfter(1)
    expect(() => store.transaction('lazy', (tx) => tx.delete('t', 'a'))).toThrow('simulated process ended')
    below.crash('all')
    expect(store.decoded!('t', 'a', JSON_ROWS)).toEqual({ n: 1 })
  })

  it('gives the same answers as the store below over more rows than it remembers', () => {
    const below = memoryStore()
    const store = rememberRows(below)
    for (let round = 0; round < 4; round++)
      store.transaction('lazy', (tx) => {
        for (let n = 0; n < 20_000; n++) {
          const key = String((n * 7919 + round) % 9_000)
          if (n % 5 === round) tx.delete('t', key)
          else tx.putDecoded!('t', key, { n: n + round }, JSON_ROWS)
        }
      })
    for (let n = 0; n < 9_000; n++) {
      const text = below.get('t', String(n))
      expect(store.decoded!('t', String(n), JSON_ROWS)).toEqual(text && JSON.parse(text as string))
    }
  })
})

function listening(store: Store, heard: (what: string) => void): Store {
  return {
    get: (table, key) => store.get(table, key),
    scan: (table, range) => store.scan(table, range),
    count: (table) => store.count(table),
    close: () => store.close(),
    transaction: (durability, work) =>
      store.transaction(durability, (tx) =>
        work({
          ...tx,
          put(table, key, value) {
            heard(`put ${key}`)
            tx.put(table, key, value)
          },
          delete(table, key) {
            heard(`delete ${key}`)
            tx.delete(table, key)
          },
        }),
      ),
  }
}
