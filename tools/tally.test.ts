import { expect, test } from 'vitest'
import { count } from './tally.ts'

function report(...files: { status: string; tests: string[] }[]): string {
  return JSON.stringify({
    testResults: files.map(({ status, tests }, index) => ({
      name: `f${index}`,
      status,
      message: 'does not load',
      assertionResults: tests.map((state) => ({ fullName: `a ${state} test`, status: state })),
    })),
  })
}

test('passed, failed and skipped tests are counted and named', () => {
  const tally = count(
    report({ status: 'failed', tests: ['passed', 'passed', 'failed', 'pending', 'todo'] }),
    false,
  )
  expect(tally).toEqual({
    passed: 2,
    failed: 1,
    failures: ['f0  a failed test'],
    skipped: ['f0  a pending test', 'f0  a todo test'],
  })
})

test('a file that does not load is a failure', () => {
  const tally = count(report({ status: 'passed', tests: ['passed'] }, { status: 'failed', tests: [] }), false)
  expect(tally).toMatchObject({ passed: 1, failed: 1, failures: ['f1  does not load'] })
})

test('a run that ended badly is a failure whatever its tests say', () => {
  expect(count(report({ status: 'passed', tests: ['passed'] }), false)).toMatchObject({
    passed: 1,
    failed: 1,
  })
  expect(count(null, true)).toMatchObject({ passed: 0, failed: 1 })
  expect(count(report(), true)).toMatchObject({ failed: 1, failures: ['no test ran'] })
})
