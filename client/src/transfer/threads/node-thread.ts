/** A worker thread, as the thread sees it that has work for it. */
import { getCompileCacheDir } from 'node:module'
import { dirname } from 'node:path'
import { Worker } from 'node:worker_threads'

/** A thread ended that should not. What it worked on was taken up by nobody: the next sync finds it again. */
export class ThreadBroken extends Error {
  constructor(task: string, why: string, cause?: unknown) {
    super(`a thread that ${task} ended too early (${why}); nothing is lost, sync again`, { cause })
    this.name = 'ThreadBroken'
  }
}

/** Sent by a worker that failed where nothing should fail. */
export interface Broken {
  readonly type: 'broken'
  readonly message: string
}

interface Waiting<Answer> {
  resolve(answer: Answer): void
  reject(error: unknown): void
}

export class Thread<Request, Answer extends { readonly type: string }> implements Disposable {
  readonly #worker: Worker
  readonly #task: string
  /** Answers come in the order of the requests. */
  readonly #waiting: Waiting<Answer>[] = []
  #ended: ThreadBroken | null = null

  /**
   * Runs a program that answers each message but the first, `start`. `task` says in errors what it does: "reads and
   * seals files".
   */
  constructor(program: URL, name: string, task: string, start: unknown) {
    this.#task = task
    // Of the environment, which may hold a password, it needs nothing.
    this.#worker = new Worker(new URL('./node-thread-start.mjs', import.meta.url), {
      name,
      env: {},
      workerData: { program: program.href, compileCache: compileCache() },
    })
    this.#worker.unref()
    this.#worker.on('message', (answer: Answer | Broken) => this.#answered(answer))
    this.#worker.on('messageerror', (error) => this.#end('a message was damaged', error))
    this.#worker.on('error', (error) => this.#end(String(error), error))
    this.#worker.on('exit', (code) => this.#end(`exit code ${code}`))
    this.#worker.postMessage(start)
  }

  /** Requests it has not answered yet. */
  get busy(): number {
    return this.#waiting.length
  }

  /** Hands over the request, and the memory it names, until the answer. Rejects with ThreadBroken. */
  call(request: Request): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#ended) return reject(this.#ended)
      this.#waiting.push({ resolve, reject })
      // An answer is worth waiting for; a thread without work must not keep a process from ending.
      this.#worker.ref()
      this.#worker.postMessage(request)
    })
  }

  /** Ends the thread wherever it is; what waits for an answer is rejected. */
  [Symbol.dispose](): void {
    this.#end('it was stopped')
  }

  #answered(answer: Answer | Broken): void {
    if (isBroken(answer)) {
      this.#end(answer.message)
      return
    }
    this.#waiting.shift()?.resolve(answer)
    if (this.#waiting.length === 0) this.#worker.unref()
  }

  #end(why: string, cause?: unknown): void {
    if (this.#ended) return
    this.#ended = new ThreadBroken(this.#task, why, cause)
    for (const { reject } of this.#waiting.splice(0)) reject(this.#ended)
    this.#worker.unref()
    void this.#worker.terminate()
  }
}

function isBroken(answer: { readonly type: string }): answer is Broken {
  return answer.type === 'broken'
}

/** The folder as it was given when the cache of this process was enabled: Node adds one of its own for its version. */
function compileCache(): string | null {
  const inner = getCompileCacheDir()
  return inner === undefined ? null : dirname(inner)
}
