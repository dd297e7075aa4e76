/** What the server itself says of the settings that a file gives it. */
import { type Config, readConfig, shownConfig } from '@pileus/server/config'
import { expect } from 'vitest'

/** Fails unless the server takes these settings and uses every one of them; returns what it makes of them. */
export function expectTaken(environment: Readonly<Record<string, string>>): Config {
  const ours = Object.keys(environment).filter((name) => name.startsWith('PILEUS_'))
  const used = shownConfig(environment, 'info')
    .filter((line) => line.endsWith('# environment'))
    .map((line) => line.split('=')[0])
  expect(used.sort()).toEqual(ours.sort())
  return readConfig(environment, 'info')
}
