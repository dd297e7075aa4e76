/** Assembling in a worker thread, once there was much to do: starting it costs as much as some megabytes. */
import { nodeCrypto } from '@pileus/core/crypto/node'
import { FileError } from '../../files/files.ts'
import { nodeFiles } from '../../files/node.ts'
import { Thread } from '../threads/node-thread.ts'
import { type Assembler, groupBuffers, type OpenAssembler, type Part, type Written } from './assembler.ts'
import type { Answer, Start, WriteParts } from './node-messages.ts'
import { PartWriter } from './part-writer.ts'

/** Starting the thread costs about as much time as opening this many bytes, or files that cost as much each. */
const LITTLE_BYTES = 16 * 1024 * 1024
const FILE_COST_BYTES = 32 * 1024

/** Where the files are: as `nodeFiles` takes it. */
interface Places {
  readonly folder: string
  readonly work: string
}

/** Both threads see the chunks. What is never written to takes no room. */
const buffers = groupBuffers((bytes) => new Uint8Array(new SharedArrayBuffer(bytes)))

/** Makes files in the work area of this folder: in the thread that asks at first, in one of its own from much on. */
export function workerAssembler(places: Places): OpenAssembler {
  return () => new NodeAssembler(places, LITTLE_BYTES)
}

/** The same in a thread from so many bytes on. */
export function assemblerWithThread(places: Places, fromBytes: number): Assembler {
  return new NodeAssembler(places, fromBytes)
}

class NodeAssembler implements Assembler {
  readonly buffers = buffers
  readonly #places: Places
  readonly #inline: PartWriter
  /** Until the thread is worth its start. */
  #bytesLeft: number
  #thread: Thread<WriteParts, Answer> | null = null

  constructor(places: Places, fromBytes: number) {
    this.#places = places
    this.#inline = new PartWriter(nodeCrypto, nodeFiles(places).work)
    this.#bytesLeft = fromBytes
  }

  async write(parts: readonly Part[]): Promise<Written> {
    if (!this.#thread && !this.#isMuch(parts)) return this.#inline.write(parts)
    this.#thread ??= startThread(this.#places)
    if (!this.#inline.isWithinFile) return inThread(this.#thread, parts)
    // The file that was begun here ends here.
    const rest = parts.findIndex((part) => part.do === 'end') + 1
    const first = this.#inline.write(rest === 0 ? parts : parts.slice(0, rest))
    if (rest === 0 || first.damaged !== null) return first
    const second = await inThread(this.#thread, parts.slice(rest))
    return {
      ended: [...first.ended, ...second.ended],
      damaged: second.damaged === null ? null : rest + second.damaged,
    }
  }

  [Symbol.dispose](): void {
    this.#inline[Symbol.dispose]()
    this.#thread?.[Symbol.dispose]()
  }

  #isMuch(parts: readonly Part[]): boolean {
    for (const part of parts) if (part.do === 'begin') this.#bytesLeft -= part.file.size + FILE_COST_BYTES
    return this.#bytesLeft < 0
  }
}

function startThread({ folder, work }: Places): Thread<WriteParts, Answer> {
  const program = new URL('./node-worker.ts', import.meta.url)
  const start: Start = { type: 'start', folder, work }
  return new Thread(program, 'assembling', 'opens chunks and writes files', start)
}

async function inThread(thread: Thread<WriteParts, Answer>, parts: readonly Part[]): Promise<Written> {
  if (parts.length === 0) return { ended: [], damaged: null }
  const answer = await thread.call({ type: 'write', parts })
  if (answer.type === 'written') return answer.written
  throw new FileError(answer.code, answer.action, answer.path)
}
