/** Every chunk that was sent to the server, and whether the server had said before that it keeps it. */
import { type PackFrame, PackReader } from '@pileus/core/content/pack'
import type { ChunkId } from '@pileus/core/ids/ids'

/** One pack on its way. */
export interface Upload {
  sent(piece: Uint8Array): void
  /** The server has answered that the pack is stored. */
  acknowledged(): void
}

export class Uploads {
  /** Chunk → the number of the acknowledgement that told of it. */
  readonly #kept = new Map<ChunkId, number>()
  #acknowledgements = 0
  #underWay = 0
  #acknowledgedBytes = 0
  #cutBytes = 0
  #again = 0

  begin(): Upload {
    const known = this.#acknowledgements
    const reader = new PackReader()
    const ids: ChunkId[] = []
    let bytes = 0
    let done = false
    this.#underWay++
    return {
      sent: (piece) => {
        bytes += piece.length
        this.#cutBytes += piece.length
        // The reader keeps pieces of what it is given, which goes on to the socket unchanged.
        for (const { id } of reader.push(piece) as PackFrame[]) {
          ids.push(id)
          const kept = this.#kept.get(id)
          if (kept !== undefined && kept <= known) this.#again++
        }
      },
      acknowledged: () => {
        if (done) return
        done = true
        this.#underWay--
        this.#acknowledgements++
        this.#acknowledgedBytes += bytes
        this.#cutBytes -= bytes
        for (const id of ids) this.#kept.set(id, this.#acknowledgements)
      },
    }
  }

  /** What was sent so far. */
  get total() {
    return {
      /** Packs that the server acknowledged, and their bytes. */
      packs: this.#acknowledgements,
      bytes: this.#acknowledgedBytes,
      chunks: this.#kept.size,
      /** Packs that it never acknowledged: those that a kill cut, and what of them had left. */
      cutPacks: this.#underWay,
      cutBytes: this.#cutBytes,
      /** Chunks sent although an acknowledgement of them was there before the pack began. */
      chunksAgain: this.#again,
    }
  }
}
