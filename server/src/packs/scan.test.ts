import { encodePack, PackMalformed, PackReader, packId } from '@pileus/core/content/pack'
import { nodeCrypto } from '@pileus/core/crypto/node'
import { idFromBytes } from '@pileus/core/ids/ids'
import { Problem } from '@pileus/core/protocol/problem'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { PackScanner } from './scan.ts'

const contents = fc.uniqueArray(fc.uint8Array({ minLength: 1, maxLength: 200 }), {
  minLength: 1,
  maxLength: 8,
  selector: (bytes) => Buffer.from(bytes).toString('hex'),
})
const cuts = fc.array(fc.nat(2_000), { maxLength: 12 })
const SOME_PACK = packId(nodeCrypto, [])

function packed(chunks: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(
    Buffer.concat(
      encodePack(chunks.map((bytes) => ({ id: idFromBytes('chunk', nodeCrypto.sha256(bytes)), bytes }))),
    ),
  )
}

function pieces(bytes: Uint8Array, at: readonly number[]): Uint8Array[] {
  const places = [0, ...at.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  return places.slice(1).map((end, index) => bytes.subarray(places[index], end))
}

function scan(parts: readonly Uint8Array[]) {
  const scanner = new PackScanner(nodeCrypto, SOME_PACK)
  for (const part of parts) scanner.push(part)
  return scanner.end()
}

it('finds the chunks where PackReader finds them, however the pack is cut into pieces', () => {
  fc.assert(
    fc.property(contents, cuts, (chunks, at) => {
      const bytes = packed(chunks)
      const reader = new PackReader()
      const frames = reader.push(bytes)
      const { places, bytes: total } = scan(pieces(bytes, at))
      expect(total).toBe(reader.end().bytes)
      expect(places.map(({ chunk, offset, length }) => ({ chunk, offset, length }))).toEqual(
        frames.map(({ id, offset, bytes }) => ({ chunk: id, offset, length: bytes.length })),
      )
    }),
  )
})

it('refuses a pack in which any one bit is changed', () => {
  fc.assert(
    fc.property(contents, cuts, fc.nat(), fc.nat(7), (chunks, at, place, bit) => {
      const bytes = packed(chunks)
      const index = place % bytes.length
      const damaged = bytes.with(index, bytes[index]! ^ (1 << bit))
      expect(() => scan(pieces(damaged, at))).toThrow()
      try {
        scan(pieces(damaged, at))
      } catch (error) {
        expect(error instanceof PackMalformed || error instanceof Problem).toBe(true)
      }
    }),
  )
})

it('refuses a pack that is cut anywhere but between chunks, and one that is empty', () => {
  fc.assert(
    fc.property(contents, fc.nat(), (chunks, place) => {
      const bytes = packed(chunks)
      const cut = place % bytes.length
      const reader = new PackReader()
      let whole = true
      try {
        reader.push(bytes.subarray(0, cut))
        reader.end()
      } catch {
        whole = false
      }
      if (whole) expect(() => scan([bytes.subarray(0, cut)])).not.toThrow()
      else expect(() => scan([bytes.subarray(0, cut)])).toThrow(PackMalformed)
    }),
  )
})
