/** SRV-34 to SRV-37: decisions over any store and any batch. */

import { addToSet, emptySetHash, setDigest } from '@pileus/core/crypto/lthash'
import { nodeCrypto } from '@pileus/core/crypto/node'
import { type Digest, idBytes, idFromBytes, type RecordId, type WriterId } from '@pileus/core/ids/ids'
import { firstChain, nextChain } from '@pileus/core/records/figure'
import { NO_REFS } from '@pileus/core/records/refs'
import { compareVectors, type VersionVector } from '@pileus/core/versions/vector'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { advance, decide, type Known, type Pushed } from './decide.ts'

const zone = idFromBytes('zone', new Uint8Array(32))
const WRITERS = ['11', '22', '33'].map((byte) => byte.repeat(8) as WriterId)
const recordOf = (n: number) => idFromBytes('record', new Uint8Array(16).fill(n + 1))
const leafOf = (text: string) => idFromBytes('digest', nodeCrypto.sha256(new TextEncoder().encode(text)))

const vector: fc.Arbitrary<VersionVector> = fc
  .tuple(fc.nat(3), fc.nat(3), fc.nat(3))
  .filter((counters) => counters.some((counter) => counter > 0))
  .map((counters) =>
    Object.fromEntries(counters.flatMap((counter, n) => (counter > 0 ? [[WRITERS[n]!, counter]] : []))),
  )

interface Case {
  readonly pushed: Pushed[]
  readonly current: Map<RecordId, Known>
  readonly missing: Map<number, never[]>
}

const cases: fc.Arbitrary<Case> = fc
  .array(
    fc.record({
      pushed: vector,
      stored: fc.option(vector),
      group: fc.option(fc.nat(2), { nil: undefined }),
      lacks: fc.boolean(),
    }),
    { minLength: 1, maxLength: 8 },
  )
  .map((rows) => {
    const current = new Map<RecordId, Known>()
    const missing = new Map<number, never[]>()
    const pushed = rows.map((row, n): Pushed => {
      const id = recordOf(n)
      const leaf = leafOf(`${n} ${JSON.stringify(row.pushed)}`)
      if (row.stored) {
        const same = compareVectors(row.pushed, row.stored) === 'equal'
        current.set(id, { sequence: n + 1, vector: row.stored, leaf: same ? leaf : leafOf(`old ${n}`) })
      }
      if (row.lacks) missing.set(n, [leafOf('chunk') as never])
      const facts = { zone, id, vector: row.pushed, epoch: 1, refsRoot: leafOf('refs') }
      return {
        facts,
        sealed: { facts: new Uint8Array(), seal: new Uint8Array(), refs: NO_REFS },
        leaf,
        group: row.group,
      }
    })
    return { pushed, current, missing }
  })

it('accepts exactly what dominates, has its chunks, and whose group is whole', () => {
  fc.assert(
    fc.property(cases, ({ pushed, current, missing }) => {
      const decisions = decide(pushed, { current, missing, earlier: new Map() })
      const passes = pushed.map(({ facts }, n) => {
        const known = current.get(facts.id)
        const order = known ? compareVectors(facts.vector, known.vector) : 'after'
        return order === 'equal' ? 'repeat' : order === 'after' && !missing.has(n) ? 'new' : 'failed'
      })
      decisions.forEach(({ kind }, n) => {
        const { group } = pushed[n]!
        const broken = pushed.some(
          (other, m) => group !== undefined && other.group === group && passes[m] === 'failed',
        )
        if (passes[n] === 'repeat') expect(kind).toBe('repeat')
        else expect(kind === 'new').toBe(passes[n] === 'new' && !broken)
      })
    }),
  )
})

it('moves set hash and chain as if every record had been pushed alone', () => {
  fc.assert(
    fc.property(cases, ({ pushed, current }) => {
      const before = emptySetHash()
      for (const { leaf } of current.values()) addToSet(nodeCrypto, before, idBytes(leaf))
      const start = { sequence: 7, chain: firstChain(nodeCrypto, zone), setState: before }
      const { steps, head } = advance(nodeCrypto, start, pushed, current)
      const expected = emptySetHash()
      const leaves = new Map<RecordId, Digest>([...current].map(([id, { leaf }]) => [id, leaf]))
      let chain = start.chain
      pushed.forEach(({ facts, leaf }, n) => {
        leaves.set(facts.id, leaf)
        chain = nextChain(nodeCrypto, chain, 8 + n, facts.id, leaf)
      })
      for (const leaf of leaves.values()) addToSet(nodeCrypto, expected, idBytes(leaf))
      expect(head).toMatchObject({
        sequence: 7 + pushed.length,
        chain,
        setHash: setDigest(nodeCrypto, expected),
      })
      expect(steps.map(({ sequence }) => sequence)).toEqual(pushed.map((_, n) => 8 + n))
    }),
  )
})

it('pins the chain by bytes (SRV-30)', () => {
  const first = firstChain(nodeCrypto, zone)
  const second = nextChain(nodeCrypto, first, 1, recordOf(0), leafOf('a leaf'))
  expect([first, second]).toMatchInlineSnapshot(`
    [
      "ed607ccdaa89373c08365f161512d533dedee5b82466cd96b072c464c6aa208b",
      "4059e7df995a8fc33647b65248ac25f8a5858f4826bfaa96ce9e8444f34ff021",
    ]
  `)
})
