import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { exitCodesText } from './failures/exit-codes.ts'
import { createProgram } from './program.ts'

const doc = readFileSync(join(import.meta.dirname, '../../docs/cli.md'), 'utf8')

test('docs/cli.md names every command and option', () => {
  const program = createProgram({ exit: 'ok' })
  for (const command of [program, ...program.commands]) {
    if (command !== program) expect(doc).toContain(`\`${command.name()}`)
    for (const option of command.options) expect(doc).toContain(`${option.long}`)
  }
})

test('docs/cli.md and `pileus help exit-codes` say the same', () => {
  const inHelp = [...exitCodesText().matchAll(/^ +(\d+) {2}(.*)$/gm)].map(
    ([, code, meaning]) => `| ${code} | ${meaning} |`,
  )
  expect(inHelp).toHaveLength(10)
  for (const line of inHelp) expect(doc).toContain(line)
})
