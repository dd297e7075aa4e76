import { expect, test } from 'vitest'
import { EngineUnreachable } from '../engine-errors.ts'
import type { Engines } from '../rules/environment.ts'
import { howTheSourceIs } from './command.ts'

/** The part of the engines that says whether there is a fence. */
function sourceWith(note: () => Promise<string | undefined>): Engines {
  const fence = { note }
  return { accounts: { fence }, zones: { origin: { fence } } } as unknown as Engines
}

test('after a failure it is said how the source is, and never claimed without having asked', async () => {
  const note = JSON.stringify({ move: 'a', to: 'there', complete: false })
  expect(await howTheSourceIs(sourceWith(async () => undefined))).toMatch(/^Nothing was moved/)
  expect(await howTheSourceIs(sourceWith(async () => note))).toMatch(/^The source is whole and fenced/)
  const away = new EngineUnreachable('PostgreSQL')
  const said = await howTheSourceIs(
    sourceWith(async () => {
      throw away
    }),
  )
  expect(said).toMatch(
    /^Nothing is lost; whether the source is fenced could not be asked: .*PostgreSQL does not answer/,
  )
})
