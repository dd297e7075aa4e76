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
    contracts: [],
  })
})

test('the summary says why a test failed, in a few lines', () => {
  const why = Array.from({ length: 40 }, (_, n) => `line ${n}`).join('\n')
  const assertionResults = [{ fullName: 'a test', status: 'failed', failureMessages: [why] }]
  const { failures } = count(
    JSON.stringify({ testResults: [{ name: 'f', status: 'failed', assertionResults }] }),
    false,
  )
  expect(failures).toHaveLength(1)
  expect(failures[0]!.split('\n')).toEqual([
    'f  a test',
    ...Array.from({ length: 12 }, (_, n) => `         line ${n}`),
  ])
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

test('the engines that a contract suite passed on are named, and no others', () => {
  const suite = (name: string, title: string, ...states: string[]) => ({
    name,
    status: 'passed',
    assertionResults: states.map((status) => ({
      fullName: `${title} a test`,
      status,
      ancestorTitles: [title],
    })),
  })
  const testResults = [
    suite('server/src/zones/zones.test.ts', 'zones on SQLite', 'passed', 'passed'),
    suite('server/src/zones/zones.test.ts', 'zones on PostgreSQL 15', 'passed', 'failed'),
    suite('server/src/zones/zones.test.ts', 'zones on Cassandra', 'skipped'),
    suite('server/src/zones/zones.test.ts', 'something else', 'passed'),
    suite('server/src/live/live.test.ts', 'live on Redis 7', 'passed'),
    suite('server/src/live/live.test.ts', 'live on memory', 'passed'),
    suite('elsewhere.test.ts', 'zones on paper', 'passed'),
  ]
  expect(count(JSON.stringify({ testResults }), true).contracts).toEqual([
    'live: Redis 7, memory',
    'zones: SQLite',
  ])
})
