/** A thread that makes files out of chunks. It keeps nothing between two requests but the file under way. */
import { parentPort } from 'node:worker_threads'
import { nodeCrypto } from '@pileus/core/crypto/node'
import { FileError } from '../../files/files.ts'
import { nodeFiles } from '../../files/node.ts'
import type { Broken } from '../threads/node-thread.ts'
import type { Part } from './assembler.ts'
import type { Answer, Start, WriteParts } from './node-messages.ts'
import { PartWriter } from './part-writer.ts'

const port = parentPort!
let writer: PartWriter | null = null
port.on('message', (request: Start | WriteParts) => {
  try {
    if (request.type === 'start') writer = new PartWriter(nodeCrypto, nodeFiles(request).work)
    else port.postMessage(answer(request.parts))
  } catch (error) {
    port.postMessage({ type: 'broken', message: String(error) } satisfies Broken)
  }
})

function answer(parts: readonly Part[]): Answer {
  try {
    return { type: 'written', written: writer!.write(parts) }
  } catch (error) {
    writer![Symbol.dispose]()
    if (!(error instanceof FileError)) throw error
    const { code, action, path } = error
    return { type: 'refused', code, action, path }
  }
}
