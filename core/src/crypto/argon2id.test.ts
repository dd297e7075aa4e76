/**
 * Argon2id. Pileus reaches it only inside the OPAQUE library, which does not expose it by itself; these are the
 * implementations a rebuild of the password path could use, and they agree with RFC 9106.
 */
import { argon2Sync } from 'node:crypto'
import { argon2id } from '@noble/hashes/argon2.js'
import { expect, test } from 'vitest'
import { ARGON2ID_LANES, ARGON2ID_MEMORY_KIB, ARGON2ID_PASSES } from '../limits.ts'
import { vectorTest } from './node-vectors.ts'

interface Inputs {
  readonly password: Uint8Array
  readonly salt: Uint8Array
  readonly secret: Uint8Array
  readonly associated: Uint8Array
  readonly memoryKiB: number
  readonly passes: number
  readonly lanes: number
  readonly bytes: number
}

const IMPLEMENTATIONS: readonly [string, (inputs: Inputs) => Uint8Array][] = [
  [
    'node:crypto',
    (inputs) =>
      new Uint8Array(
        argon2Sync('argon2id', {
          message: inputs.password,
          nonce: inputs.salt,
          secret: inputs.secret,
          associatedData: inputs.associated,
          memory: inputs.memoryKiB,
          passes: inputs.passes,
          parallelism: inputs.lanes,
          tagLength: inputs.bytes,
        }),
      ),
  ],
  [
    'noble',
    (inputs) =>
      argon2id(inputs.password, inputs.salt, {
        key: inputs.secret,
        personalization: inputs.associated,
        m: inputs.memoryKiB,
        t: inputs.passes,
        p: inputs.lanes,
        dkLen: inputs.bytes,
      }),
  ],
]

for (const [name, hash] of IMPLEMENTATIONS) {
  vectorTest({
    file: 'argon2id-rfc9106.txt',
    covers: `Argon2id by ${name}`,
    cases: 1,
    run: (text) => {
      const inputs = {
        password: bytesAfter(text, 'Password[32]'),
        salt: bytesAfter(text, 'Salt[16]'),
        secret: bytesAfter(text, 'Secret[8]'),
        associated: bytesAfter(text, 'Associated data[12]'),
        memoryKiB: numberAfter(text, 'Memory'),
        passes: numberAfter(text, 'Iterations'),
        lanes: numberAfter(text, 'Parallelism'),
        bytes: numberAfter(text, 'Tag length'),
      }
      expect(hash(inputs)).toEqual(bytesAfter(text, 'Tag'))
      return 1
    },
  })
}

test('the floor a client insists on is the second choice of RFC 9106 §4', () => {
  expect([ARGON2ID_MEMORY_KIB, ARGON2ID_PASSES, ARGON2ID_LANES]).toEqual([65_536, 3, 4])
})

function bytesAfter(text: string, label: string): Uint8Array {
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${label}:`))
  if (!line) throw new Error(`the vector has no line ${label}`)
  return new Uint8Array(Buffer.from(line.slice(label.length + 1).replaceAll(' ', ''), 'hex'))
}

function numberAfter(text: string, label: string): number {
  return Number(new RegExp(`${label}: (\\d+)`).exec(text)?.[1])
}
