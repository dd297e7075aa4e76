/** A thread that seals, as the thread sees it that has files to seal. */
import { Thread } from '../threads/node-thread.ts'
import type { Answer, Request, Start } from './node-messages.ts'

type Work = Exclude<Request, Start>
type AnswerTo<R extends Work> = Extract<Answer, { type: R['type'] }>

export class SealingThread extends Thread<Work, Answer> {
  constructor(start: Start) {
    super(new URL('./node-worker.ts', import.meta.url), 'sealing', 'reads and seals files', start)
  }

  /** Hands over the request and its slots, until the answer. Rejects with ThreadBroken. */
  override call<R extends Work>(request: R): Promise<AnswerTo<R>> {
    return super.call(request) as Promise<AnswerTo<R>>
  }
}
