import { describe, expect, it } from 'vitest'
import { memoryStore } from './memory.ts'
import { withWriteBack } from './write-back.ts'

describe('withWriteBack', () => {
  it('shows its own writes and leaves them in the store when the transaction ends', () => {
    const store = memoryStore()
    store.transaction('durable', (tx) => {
      tx.put('meta', 'old', 'before')
      withWriteBack(tx, ['meta'], (held) => {
        for (let n = 0; n < 3; n++) held.put('meta', 'count', String(n))
        held.delete('meta', 'old')
        held.put('other', 'a', '1')
        expect(held.get('meta', 'count')).toBe('2')
        expect(held.get('meta', 'old')).toBeUndefined()
        expect(held.get('other', 'a')).toBe('1')
        expect(tx.get('meta', 'count'), 'not written yet').toBeUndefined()
      })
    })
    expect([...store.scan('meta')]).toEqual([['count', '2']])
  })

  it('reads a row of another table once, and knows its own writes and deletions', () => {
    const store = memoryStore()
    store.transaction('durable', (tx) => {
      tx.put('other', 'a', '1')
      let reads = 0
      const counting = {
        ...tx,
        get: (table: string, key: string) => {
          reads++
          return tx.get(table, key)
        },
      }
      withWriteBack(counting, ['meta'], (held) => {
        expect([held.get('other', 'a'), held.get('other', 'a')]).toEqual(['1', '1'])
        expect([held.get('other', 'none'), held.get('other', 'none')]).toEqual([undefined, undefined])
        expect(reads).toBe(2)
        held.put('other', 'a', '2')
        expect(held.get('other', 'a')).toBe('2')
        held.delete('other', 'a')
        expect(held.get('other', 'a')).toBeUndefined()
        expect([...held.scan('other')], 'written through').toEqual([])
        expect(reads).toBe(2)
      })
    })
  })

  it('refuses to scan what it holds back', () => {
    const store = memoryStore()
    const scan = () =>
      store.transaction('lazy', (tx) => withWriteBack(tx, ['meta'], (held) => [...held.scan('meta')]))
    expect(scan).toThrow('cannot be scanned')
  })
})
