import { WeakPassword } from '@pileus/client/account/password'
import { FileError } from '@pileus/client/files/files'
import { FolderBusy } from '@pileus/client/keys/node-folder-lock'
import { Unreachable } from '@pileus/client/remote/remote'
import { StoreCorrupt } from '@pileus/client/store/store'
import { PROBLEMS, Problem, type ProblemCode } from '@pileus/core/protocol/problem'
import { expect, test } from 'vitest'
import { explain } from './explain.ts'
import { Failure } from './failure.ts'

test.each([
  [new Problem('wrong-credentials', 'x'), 'not-signed-in', 'wrong-credentials'],
  [new Problem('device-removed', 'x'), 'not-signed-in', 'device-removed'],
  [new Problem('quota-exceeded', 'x'), 'full', 'quota-exceeded'],
  [new Problem('storage-full', 'x'), 'full', 'storage-full'],
  [new Problem('name-taken', 'x'), 'usage', 'name-taken'],
  [new Unreachable('cannot reach http://h: nothing listens there'), 'unreachable', 'unreachable'],
  [new StoreCorrupt('/h/drive.db', null), 'damaged', 'database-damaged'],
  [new FileError('full', 'write', 'a'), 'full', 'file-full'],
  [new FileError('denied', 'write', 'a'), 'unexpected', 'file-denied'],
  [new FileError('read-only', 'write', 'a'), 'attention', 'file-read-only'],
  [new FolderBusy('/f'), 'locked', 'locked'],
  [new WeakPassword(), 'usage', 'password-too-short'],
  [new DOMException('x', 'AbortError'), 'interrupted', 'interrupted'],
  [Object.assign(new Error('x'), { code: 'ENOSPC', path: '/a', syscall: 'write' }), 'full', 'enospc'],
])('%s', (error, exit, code) => {
  expect(explain(error)).toMatchObject({ exit, code })
})

test('every refusal of the server is one sentence', () => {
  for (const code of Object.keys(PROBLEMS) as ProblemCode[]) {
    expect(explain(new Problem(code, 'what is\nnot so')).message).toMatch(/^[A-Z][^\n]*\.$/)
  }
})

test('a wait that the server asks for is passed on', () => {
  expect(explain(new Problem('too-many-requests', 'x', { retryAfterSeconds: 30 })).message).toContain(
    '(30 seconds)',
  )
})

test('a failure stays as it is; the unforeseen is one line and says how to see more', () => {
  const failure = new Failure('usage', 'x', 'X.')
  expect(explain(failure)).toBe(failure)
  expect(explain(new TypeError('a is not\na function')).message).toBe(
    'a is not (unexpected; PILEUS_DEBUG=1 shows where)',
  )
  expect(explain('text').exit).toBe('unexpected')
})
