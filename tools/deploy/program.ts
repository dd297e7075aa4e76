/** Tests with a real program, from this machine or from Debian's packages; where there is none, that is said loudly. */
import { find } from '@pileus/engines/daemon'
import { EngineMissing } from '@pileus/engines/engine'
import { installDebian } from '@pileus/engines/provision'
import { describe, it } from 'vitest'

/** Defines tests with `program`. Under CI it is a failure when the machine had the means to get it and did not. */
export async function withProgram(
  program: string,
  debianPackage: string | null,
  tested: string,
  define: (path: string) => void,
): Promise<void> {
  try {
    if (find(program) === null && debianPackage !== null) await installDebian(program, [debianPackage])
  } catch (error) {
    if (!(error instanceof EngineMissing)) throw error
    if (process.env.CI === 'true' && error.couldBeHad) throw error
  }
  const path = find(program)
  if (path !== null) return define(path)
  const sentence = `NOT TESTED: ${tested}: ${program} is not installed`
  console.warn(sentence)
  describe(tested, () => {
    it.skip(sentence)
  })
}
