/** What every Store engine promises. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type Store, withPrefix } from './store.ts'

/** Runs the suite on the empty stores that `make` makes. */
export function storeContract(make: () => Store): void {
  it('keeps text and bytes under text keys, table by table', () => {
    const store = make()
    store.transaction('lazy', (tx) => {
      tx.put('a', 'k', 'text')
      tx.put('b', 'k', new Uint8Array([0, 1, 255]))
      tx.put('odd "name"', '', '')
    })
    expect(store.get('a', 'k')).toBe('text')
    expect(store.get('b', 'k')).toEqual(new Uint8Array([0, 1, 255]))
    expect(store.get('odd "name"', '')).toBe('')
    expect(store.get('a', 'other')).toBe(undefined)
    expect(store.get('none', 'k')).toBe(undefined)
    expect(store.count('none')).toBe(0)
    expect([...store.scan('none')]).toEqual([])
    store.close()
  })

  it('replaces and deletes', () => {
    const store = make()
    store.transaction('durable', (tx) => {
      tx.put('t', 'k', 'one')
      tx.put('t', 'k', 'two')
      tx.put('t', 'gone', 'x')
      tx.delete('t', 'gone')
      tx.delete('t', 'never there')
      tx.delete('none', 'k')
      expect(tx.get('t', 'k')).toBe('two')
      expect(tx.count('t')).toBe(1)
      expect([...tx.scan('t')]).toEqual([['k', 'two']])
    })
    expect(store.count('t')).toBe(1)
    store.close()
  })

  it('scans from ≤ key < to in the order of UTF-8 bytes', () => {
    const store = make()
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.string({ unit: 'binary' }), { maxLength: 30 }),
        fc.nat(40),
        (keys, limit) => {
          store.transaction('lazy', (tx) => {
            for (const [key] of [...tx.scan('t')]) tx.delete('t', key)
            for (const key of keys) tx.put('t', key, key)
          })
          const sorted = keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
          expect([...store.scan('t')].map(([key]) => key)).toEqual(sorted)
          const [from, to] = [sorted.at(2), sorted.at(-3)]
          if (from === undefined || to === undefined) return
          const part = [...store.scan('t', { from, to, limit })].map(([key]) => key)
          expect(part).toEqual(sorted.slice(2, Math.max(2, sorted.length - 3)).slice(0, limit))
        },
      ),
    )
    store.close()
  })

  it('scans all keys with a prefix', () => {
    const store = make()
    const keys = ['a', 'a/', 'a/b', 'a/\u{10fffe}', 'a0', 'b']
    store.transaction('lazy', (tx) => {
      for (const key of keys) tx.put('t', key, '')
    })
    expect([...store.scan('t', withPrefix('a/'))].map(([key]) => key)).toEqual(['a/', 'a/b', 'a/\u{10fffe}'])
    store.close()
  })

  it('scans the state of the first step while the caller writes', () => {
    const store = make()
    const rows = 2_500
    store.transaction('lazy', (tx) => {
      for (let i = 0; i < rows; i++) tx.put('t', String(i).padStart(6, '0'), 'old')
    })
    let seen = 0
    for (const [key, value] of store.scan('t')) {
      expect(value).toBe('old')
      seen += 1
      if (seen % 500 !== 1) continue
      store.transaction('lazy', (tx) => {
        for (const [other] of tx.scan('t', { from: key, limit: 700 })) tx.put('t', other, 'new')
        tx.put('t', `${key}+`, 'new')
        tx.delete('t', String(rows - seen).padStart(6, '0'))
      })
    }
    expect(seen).toBe(rows)
    for (const _ of store.scan('t')) break
    expect([...store.scan('t')].length).toBe(rows)
    store.close()
  })

  it('writes nothing when the work throws, new tables included', () => {
    const store = make()
    store.transaction('lazy', (tx) => tx.put('t', 'k', 'before'))
    const fails = (): void =>
      store.transaction('durable', (tx) => {
        tx.put('t', 'k', 'after')
        tx.put('new', 'k', 'after')
        throw new Error('changed my mind')
      })
    expect(fails).toThrow('changed my mind')
    expect(store.get('t', 'k')).toBe('before')
    expect(store.get('new', 'k')).toBe(undefined)
    store.transaction('durable', (tx) => tx.put('new', 'k', 'now'))
    expect(store.get('new', 'k')).toBe('now')
    store.close()
  })

  it('refuses a transaction in a transaction, a write after the end, and any call after close', () => {
    const store = make()
    store.transaction('lazy', (tx) => {
      tx.put('t', 'k', 'v')
      expect(() => store.transaction('lazy', () => undefined)).toThrow('inside another')
    })
    const late = store.transaction('lazy', (tx) => tx)
    expect(() => late.put('t', 'k', 'late')).toThrow('after its transaction ended')
    store.close()
    expect(() => store.get('t', 'k')).toThrow()
    expect(() => [...store.scan('t')]).toThrow()
    expect(() => store.transaction('lazy', () => undefined)).toThrow()
  })
}
