import { Problem } from '@pileus/core/protocol/problem'
import { expect, test } from 'vitest'
import { Unreachable } from './remote.ts'
import { inTwoSteps } from './two-steps.ts'

const lost = new Unreachable('the connection was cut')
const refused = new Problem('wrong-credentials', 'no')

/** Finishes with each outcome in turn, then well; tells which beginnings were finished. */
function scripted(...outcomes: Error[]) {
  const finished: number[] = []
  let begun = 0
  return {
    finished,
    begin: async () => ++begun,
    finish: async (what: number) => {
      finished.push(what)
      const outcome = outcomes.shift()
      if (outcome) throw outcome
      return `proof ${what}`
    },
  }
}

test('a lost answer begins anew, and nothing that was begun is finished twice', async () => {
  const { begin, finish, finished } = scripted(lost, new Problem('internal', 'failed'))
  expect(await inTwoSteps(begin, finish)).toBe('proof 3')
  expect(finished).toEqual([1, 2, 3])
})

test('it ends when answers are lost again and again', async () => {
  const { begin, finish, finished } = scripted(lost, lost, lost, lost)
  await expect(inTwoSteps(begin, finish)).rejects.toBe(lost)
  expect(finished).toEqual([1, 2, 3])
})

test('a refusal may mean that the server forgot what was begun: it is believed the second time', async () => {
  const { begin, finish } = scripted(refused)
  expect(await inTwoSteps(begin, finish)).toBe('proof 2')
  const wrong = scripted(refused, refused, refused)
  await expect(inTwoSteps(wrong.begin, wrong.finish)).rejects.toBe(refused)
  expect(wrong.finished).toEqual([1, 2])
  const twice = scripted(refused, refused)
  expect(await inTwoSteps(twice.begin, twice.finish, 2)).toBe('proof 3')
})

test('what fails to begin, and any other refusal, is final', async () => {
  const { finish, finished } = scripted()
  await expect(inTwoSteps(() => Promise.reject(refused), finish)).rejects.toBe(refused)
  expect(finished).toEqual([])
  const removed = new Problem('device-removed', 'gone')
  const other = scripted(removed)
  await expect(inTwoSteps(other.begin, other.finish)).rejects.toBe(removed)
  expect(other.finished).toEqual([1])
})
