import { expect, test } from 'vitest'
import { type Heap, IdleHeap } from './idle-heap.ts'

const MiB = 1024 * 1024

function simulated() {
  let due: (() => void) | null = null
  const heap: Heap & { bytes: number; collections: number } = {
    bytes: 20 * MiB,
    collections: 0,
    used: () => heap.bytes,
    collect() {
      heap.collections++
      heap.bytes = 10 * MiB
    },
  }
  const timers = {
    after(_: number, act: () => void) {
      due = act
      return () => {
        due = null
      }
    },
  }
  const pass = () => {
    const act = due
    due = null
    act?.()
  }
  return { heap, idle: new IdleHeap(heap, timers), pass }
}

test('the heap is collected once work has ended and none began meanwhile', () => {
  const { heap, idle, pass } = simulated()
  idle.tell(true)
  pass()
  idle.tell(false)
  idle.tell(true)
  pass()
  expect(heap.collections).toBe(0)
  idle.tell(false)
  idle.tell(false)
  pass()
  expect(heap.collections).toBe(1)
})

test('little garbage is left where it is, and adds up', () => {
  const { heap, idle, pass } = simulated()
  const work = (bytes: number) => {
    heap.bytes += bytes
    idle.tell(true)
    idle.tell(false)
    pass()
  }
  work(0)
  for (let turn = 0; turn < 3; turn++) work(MiB)
  expect(heap.collections).toBe(1)
  work(MiB)
  expect(heap.collections).toBe(2)
})

test('nothing is collected after it was disposed of', () => {
  const { heap, idle, pass } = simulated()
  idle.tell(false)
  idle[Symbol.dispose]()
  pass()
  expect(heap.collections).toBe(0)
})
