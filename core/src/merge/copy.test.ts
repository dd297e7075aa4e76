import { describe, expect, it } from 'vitest'
import { nodeCrypto } from '../crypto/node.ts'
import { parseId } from '../ids/ids.ts'
import { entry, fileBody } from '../records/fixtures.ts'
import { id } from '../tree/fixtures.ts'
import { conflictCopy, conflictCopyId } from './copy.ts'

describe('a conflict copy (R8, MERGE-7)', () => {
  const winner = fileBody()
  const lost = fileBody([entry(7)])
  const stamp = { counter: 99, writer: parseId('writer', 'f'.repeat(16)) }

  it('has the content and the attributes that lost, beside the winner, as a first version of its own', () => {
    const loser = { content: lost.content!, attributes: { mtime: 5, executable: false } }
    const copy = conflictCopy(id(1), winner, loser, { by: 'Phone', day: '2026-03-01', stamp })
    expect(copy).toEqual({
      kind: 'file',
      deleted: false,
      place: {
        parent: winner.place.parent,
        name: "Ferien ☀ 2026 (Phone's conflicted copy 2026-03-01).jpg",
        former: null,
        stamp,
        by: 'Phone',
        day: '2026-03-01',
      },
      content: { ...lost.content, base: '' },
      attributes: { mtime: 5, executable: false },
      conflictOf: id(1),
    })
    const second = conflictCopy(id(1), winner, loser, { by: 'Phone', day: '2026-03-01', number: 2, stamp })
    expect(second.place.name).toBe("Ferien ☀ 2026 (Phone's conflicted copy 2026-03-01 2).jpg")
  })

  it('has one id for one lost version of one record, the same after a crash and in every build', () => {
    const of = (record: number, losing: string) => conflictCopyId(nodeCrypto, id(record), losing)
    expect(of(1, 'aa:1')).toBe(of(1, 'aa:1'))
    expect(new Set([of(1, 'aa:1'), of(1, 'aa:2'), of(2, 'aa:1'), of(1, '')]).size).toBe(4)
    expect(of(1, 'aa:1')).toBe('9b5f175b191399472391d9dd64a5c7bc')
  })
})
