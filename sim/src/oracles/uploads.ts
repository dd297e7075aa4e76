/**
 * Nothing is sent twice: a chunk is uploaded only by a process that asked for it when the server had not got it. Asking and
 * sending may overlap with another device's; a pack whose answer was lost may be sent again.
 */
import { PACK_LIMITS, PackReader } from '@pileus/core/content/pack'
import type { ChunkId } from '@pileus/core/ids/ids'
import { decodeMessage } from '@pileus/core/protocol/codec'
import { ENDPOINTS, type EndpointName } from '@pileus/core/protocol/endpoints'
import type { Process } from '../system/process.ts'
import type { SimulatedServer } from '../system/server.ts'

export class Uploads {
  readonly #server: SimulatedServer
  /** What the server has, and since which moment. */
  readonly #stored = new Map<ChunkId, number>()
  /** When a process last asked for a chunk: whatever was stored before then is in the answer. */
  readonly #asked = new WeakMap<Process, Map<ChunkId, number>>()
  readonly #packs = new WeakMap<Process, Set<string>>()
  #moment = 0
  #restored = 0
  sentChunks = 0

  constructor(server: SimulatedServer) {
    this.#server = server
    server.stored = (_, chunks) => {
      const now = ++this.#moment
      for (const chunk of chunks) if (!this.#stored.has(chunk)) this.#stored.set(chunk, now)
    }
  }

  /** Returns what is wrong. */
  sent(process: Process, name: EndpointName, bytes: Uint8Array): string | null {
    if (this.#server.restored !== this.#restored) {
      this.#restored = this.#server.restored
      this.#stored.clear()
    }
    if (bytes[0] === JSON_ARRAY) return null
    const asked = this.#asked.get(process) ?? new Map<ChunkId, number>()
    this.#asked.set(process, asked)
    if (name === 'missing') {
      const { ids } = decodeMessage(ENDPOINTS.missing.request, 'cbor', bytes)
      const now = ++this.#moment
      for (const id of ids) asked.set(id, now)
    }
    if (name !== 'putPack') return null
    const chunks = chunksOf(bytes)
    const packs = this.#packs.get(process) ?? new Set()
    this.#packs.set(process, packs)
    const pack = chunks.join()
    if (packs.has(pack)) return null
    packs.add(pack)
    this.sentChunks += chunks.length
    const twice = chunks.find(
      (chunk) => (this.#stored.get(chunk) ?? Number.POSITIVE_INFINITY) < (asked.get(chunk) ?? this.#moment),
    )
    return twice === undefined ? null : `chunk ${twice.slice(0, 12)} was sent to a server that had it`
  }
}

/** Parameters are told as JSON. */
const JSON_ARRAY = 0x5b

function chunksOf(bytes: Uint8Array): ChunkId[] {
  const reader = new PackReader(PACK_LIMITS)
  return [...reader.push(bytes)].map(({ id }) => id)
}
