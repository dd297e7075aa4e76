import type { Announcement } from '@pileus/core/protocol/live'
import { expect, test } from 'vitest'
import { Agenda } from './agenda.ts'

const scopeAt = (agenda: Agenda, now: number) => {
  const work = agenda.take(now)
  if (work?.kind !== 'hinted') return work?.kind ?? null
  return [...work.hints.scope].map(([folder, names]) => [folder, names === 'all' ? names : [...names]])
}

test('a name waits for quiet, and one that is never quiet is looked at all the same', () => {
  const agenda = new Agenda()
  for (let now = 0; now < 3_000; now += 3) {
    agenda.changed('', 'log', now)
    expect(agenda.take(now)).toBeNull()
  }
  expect(scopeAt(agenda, 3_000)).toEqual([['', ['log']]])
})

test('a name that rests keeps no other waiting, and its turn comes', () => {
  const agenda = new Agenda()
  agenda.rest('', 'log', 10_000, 2_000)
  for (let now = 100; now <= 8_100; now += 1_000) agenda.changed('', 'log', now)
  agenda.changed('', 'note', 100)
  expect(agenda.nextAt()).toBe(104)
  expect(scopeAt(agenda, 104)).toEqual([['', ['note']]])
  expect(agenda.nextAt()).toBe(10_000)
  agenda.changed('', 'log', 9_000)
  expect(agenda.nextAt()).toBe(10_000)
  expect(agenda.take(9_999)).toBeNull()
  expect(scopeAt(agenda, 10_000)).toEqual([['', ['log']]])
  agenda.rest('', 'log', 20_000, 2_000)
  agenda.changed('', 'log', 11_000)
  expect(agenda.nextAt()).toBe(13_000)
})

test('many names at once become one look at everything, which takes up all that waits', () => {
  const agenda = new Agenda()
  for (let n = 0; n < 1_001; n++) agenda.changed('folder', `${n}`, 10)
  expect(agenda.nextAt()).toBe(260)
  agenda.takeEverything()
  expect(agenda.nextAt()).toBeNull()
})

test('a name is looked for where its folder is when its turn comes', () => {
  let place = 'before'
  const agenda = new Agenda((told, identity) => (identity === '7' ? place : told))
  agenda.changed('before', 'note', 0, '7')
  agenda.changed('other', 'note', 0)
  place = 'after'
  expect(scopeAt(agenda, 10)).toEqual([
    ['after', ['note']],
    ['other', ['note']],
  ])
})

test('more announcements than are worth keeping become one question to the server', () => {
  const agenda = new Agenda()
  const announcement = { head: {}, news: null } as unknown as Announcement
  for (let n = 0; n < 50; n++) agenda.announced(announcement)
  const few = agenda.take(0)
  expect(few?.kind === 'hinted' && [few.hints.announcements.length, few.hints.ask]).toEqual([50, false])
  for (let n = 0; n < 5_000; n++) agenda.announced(announcement)
  expect(agenda.nextAt()).toBe(0)
  const many = agenda.take(0)
  expect(many?.kind === 'hinted' && many.hints.ask).toBe(true)
  expect(many?.kind === 'hinted' && many.hints.announcements.length).toBeLessThanOrEqual(50)
  expect(agenda.nextAt()).toBeNull()
})
