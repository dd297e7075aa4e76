/** Assembling in the thread that asks: for little work, and where nothing may depend on when a thread gets its turn. */
import type { Crypto } from '@pileus/core/crypto/crypto'
import type { Area } from '../../files/files.ts'
import { type Assembler, groupBuffers, type OpenAssembler } from './assembler.ts'
import { PartWriter } from './part-writer.ts'

const buffers = groupBuffers()

/** Makes files in this area. */
export function inlineAssembler(crypto: Crypto, work: Area): OpenAssembler {
  return (): Assembler => {
    const writer = new PartWriter(crypto, work)
    return {
      buffers,
      write: async (parts) => writer.write(parts),
      [Symbol.dispose]: () => writer[Symbol.dispose](),
    }
  }
}
