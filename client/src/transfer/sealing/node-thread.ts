/** A worker thread that seals, as the thread sees it that has work for it. */
import { getCompileCacheDir } from 'node:module'
import { dirname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Answer, Request, Start } from './node-messages.ts'

/** A thread ended that should not. What it worked on was taken up by nobody: the next sync finds it again. */
export class SealingBroken extends Error {
  constructor(why: string, cause?: unknown) {
    super(`a thread that reads and seals files ended too early (${why}); nothing is lost, sync again`, {
      cause,
    })
    this.name = 'SealingBroken'
  }
}

type Work = Exclude<Request, Start>
type AnswerTo<R extends Work> = Extract<Answer, { type: R['type'] }>

interface Waiting {
  resolve(answer: Answer): void
  reject(error: unknown): void
}

export class SealingThread implements Disposable {
  readonly #worker: Worker
  /** Answers come in the order of the requests. */
  readonly #waiting: Waiting[] = []
  #ended: SealingBroken | null = null

  constructor(start: Start) {
    // Of the environment, which may hold a password, it needs nothing.
    this.#worker = new Worker(new URL('./node-worker-start.mjs', import.meta.url), {
      name: 'sealing',
      env: {},
      workerData: { compileCache: compileCache() },
    })
    this.#worker.unref()
    this.#worker.on('message', (answer: Answer) => this.#answered(answer))
    this.#worker.on('messageerror', (error) => this.#end(new SealingBroken('a message was damaged', error)))
    this.#worker.on('error', (error) => this.#end(new SealingBroken(String(error), error)))
    this.#worker.on('exit', (code) => this.#end(new SealingBroken(`exit code ${code}`)))
    this.#worker.postMessage(start)
  }

  /** Requests it has not answered yet. */
  get busy(): number {
    return this.#waiting.length
  }

  /** Hands over the request and its slots, until the answer. Rejects with SealingBroken. */
  call<R extends Work>(request: R): Promise<AnswerTo<R>> {
    return new Promise((resolve, reject) => {
      if (this.#ended) return reject(this.#ended)
      this.#waiting.push({ resolve: resolve as Waiting['resolve'], reject })
      // An answer is worth waiting for; a thread without work must not keep a process from ending.
      this.#worker.ref()
      this.#worker.postMessage(request)
    })
  }

  /** Ends the thread wherever it is; what waits for an answer is rejected. */
  [Symbol.dispose](): void {
    this.#end(new SealingBroken('it was stopped'))
  }

  #answered(answer: Answer): void {
    if (answer.type === 'broken') {
      this.#end(new SealingBroken(answer.message))
      return
    }
    this.#waiting.shift()?.resolve(answer)
    if (this.#waiting.length === 0) this.#worker.unref()
  }

  #end(why: SealingBroken): void {
    if (this.#ended) return
    this.#ended = why
    for (const { reject } of this.#waiting.splice(0)) reject(why)
    this.#worker.unref()
    void this.#worker.terminate()
  }
}

/** The folder as it was given when the cache of this process was enabled: Node adds one of its own for its version. */
function compileCache(): string | null {
  const inner = getCompileCacheDir()
  return inner === undefined ? null : dirname(inner)
}
