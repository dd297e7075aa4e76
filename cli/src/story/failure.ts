/** Test helper: how every failure of the real command has to look. */
import { expect } from 'vitest'
import type { Ended } from '../running.ts'

/** It ended with this code; stderr is one sentence that says this, with no stack trace; nothing is on stdout. */
export function expectFailure(ended: Ended, code: number, says: RegExp): void {
  expect(ended.stderr).toMatch(says)
  expect(ended.stderr.trimEnd().split('\n')).toHaveLength(1)
  expect({ code: ended.code, stdout: ended.stdout }).toEqual({ code, stdout: '' })
}
