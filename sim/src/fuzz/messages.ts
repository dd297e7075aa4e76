/** Every message of the protocol, both ways, as CBOR and as JSON. */
import type { CborValue } from '@pileus/core/bytes/cbor'
import { decodeMessage, encodeMessage } from '@pileus/core/protocol/codec'
import { ENDPOINTS, type Endpoint } from '@pileus/core/protocol/endpoints'
import { Announcement } from '@pileus/core/protocol/live'
import { ProblemMessage } from '@pileus/core/protocol/problem'
import type { TSchema } from '@pileus/core/protocol/schema'
import type { Chance } from '../world/random.ts'
import { chanceOf } from '../world/random.ts'
import { mutatedBytes, mutatedValue } from './mutate.ts'
import { sampleOf } from './sample.ts'
import type { Target } from './target.ts'

export function messageTargets(): Target[] {
  const schemas: (readonly [string, TSchema])[] = [
    ['problem', ProblemMessage],
    ['announcement', Announcement],
  ]
  for (const [name, endpoint] of Object.entries<Endpoint>(ENDPOINTS)) {
    const { request, response } = endpoint
    if (request && typeof request !== 'string') schemas.push([`${name} request`, request])
    if (typeof response !== 'string') schemas.push([`${name} response`, response])
  }
  return schemas.flatMap(([name, schema]) => [targetOf(name, schema, 'cbor'), targetOf(name, schema, 'json')])
}

function targetOf(name: string, schema: TSchema, format: 'cbor' | 'json'): Target {
  const chance = chanceOf(1)
  const samples = Array.from({ length: 4 }, () => sampleOf(chance, schema) as object)
  const bytes = samples.map((sample) => encodeMessage(sample, format))
  return {
    name: `${name} (${format})`,
    refusals: ['Problem:malformed-request'],
    share: 0.15,
    read: (input) => decodeMessage(schema, format, input),
    input: (chance) =>
      chance.happens(0.4) ? mutatedBytes(chance, bytes) : structured(chance, chance.pick(samples), format),
  }
}

/** Written without the care of `encodeMessage`, where that will not write it. */
function structured(chance: Chance, sample: object, format: 'cbor' | 'json'): Uint8Array {
  const value = mutatedValue(chance, sample as CborValue)
  try {
    return encodeMessage(value as object, format)
  } catch {
    return new TextEncoder().encode(JSON.stringify(value))
  }
}
