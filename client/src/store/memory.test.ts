import { describe, expect, it } from 'vitest'
import { memoryStore } from './memory.ts'
import { storeContract } from './store.contract.ts'

describe('a store in memory', () => {
  storeContract(() => memoryStore())

  it('loses in a power loss the lazy commits after the last durable one', () => {
    const store = memoryStore()
    store.transaction('lazy', (tx) => tx.put('t', 'a', '1'))
    store.transaction('durable', (tx) => tx.put('t', 'b', '1'))
    store.transaction('lazy', (tx) => tx.put('t', 'a', '2'))
    store.transaction('lazy', (tx) => tx.delete('t', 'b'))
    store.crash('none')
    expect([...store.scan('t')]).toEqual([
      ['a', '1'],
      ['b', '1'],
    ])
  })

  it('keeps the oldest of them when the coin says so, and all when only the process ends', () => {
    const store = memoryStore()
    for (const value of ['1', '2', '3', '4']) store.transaction('lazy', (tx) => tx.put('t', 'a', value))
    store.crash('all')
    expect(store.get('t', 'a')).toBe('4')
    store.crash(() => 0.5)
    expect(store.get('t', 'a')).toBe('2')
  })

  it('stops at the n-th commit', () => {
    const store = memoryStore()
    store.failAfter(2)
    store.transaction('lazy', (tx) => tx.put('t', 'a', '1'))
    expect(() => store.transaction('lazy', (tx) => tx.put('t', 'a', '2'))).toThrow('simulated process ended')
    expect(() => store.transaction('lazy', (tx) => tx.put('t', 'a', '3'))).toThrow('simulated process ended')
    store.crash('all')
    expect(store.get('t', 'a')).toBe('1')
    expect(store.commits).toBe(1)
  })
})
