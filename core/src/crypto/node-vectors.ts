/**
 * Test helper: public test vectors, which stand in a folder beside the repository. Where they are absent
 * the tests that need them are skipped and a line says what went untested.
 */
import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const FOLDER = new URL('../../../../shared/vectors/', import.meta.url)

interface VectorTest {
  /** Path inside the folder. */
  readonly file: string
  /** Primitive and implementation, as the test's name. */
  readonly covers: string
  /** How many cases of the file this test is known to run; fewer is a failure. */
  readonly cases: number
  /** Runs them all and returns how many it ran. */
  readonly run: (text: string) => number | Promise<number>
}

/** Defines one test over one file of vectors. */
export function vectorTest({ file, covers, cases, run }: VectorTest): void {
  const url = new URL(file, FOLDER)
  const name = `${covers} gives what ${file} says (${cases} cases)`
  if (!existsSync(url)) {
    console.warn(`NOT TESTED: ${covers}, for want of the vectors ${url.pathname}`)
    test.skip(name, () => {})
    return
  }
  test(name, async () => {
    expect(await run(readFileSync(url, 'utf8'))).toBe(cases)
  })
}

/** A case of a Wycheproof file, with its group's fields beside its own; byte strings are hex. */
export interface WycheproofCase {
  readonly tcId: number
  readonly result: 'valid' | 'invalid' | 'acceptable'
  readonly flags: readonly string[]
  readonly [field: string]: unknown
}

/** The cases of a Wycheproof file, in order. */
export function wycheproofCases(text: string): WycheproofCase[] {
  const file = JSON.parse(text) as { testGroups: { tests: WycheproofCase[] }[] }
  return file.testGroups.flatMap(({ tests, ...group }) => tests.map((test) => ({ ...group, ...test })))
}

/** The bytes of a hex field of a case. */
export function field(vector: Readonly<Record<string, unknown>>, name: string): Uint8Array {
  const text = vector[name]
  if (typeof text !== 'string') throw new TypeError(`the vector has no field ${name}`)
  return new Uint8Array(Buffer.from(text, 'hex'))
}
