/** The asking side of the control socket: other commands beside a running `pileus sync`. */
import { connect, type Socket } from 'node:net'
import type { SyncReport } from '@pileus/client/drive/drive'
import type { LiveState } from '@pileus/client/live/live-drive'
import { Failure } from '../failures/failure.ts'
import type { Home } from '../home/home.ts'
import { type Ask, type Deletions, say, type Told } from './messages.ts'
import { socketPaths } from './socket-path.ts'

/** How a socket answers where no process listens: there is none, or a killed process left it. */
const NOBODY = ['ENOENT', 'ECONNREFUSED', 'ENOTDIR']

/** Whether a `pileus sync` runs on this home: the system tells, whatever files say. */
export async function isSyncRunning(home: Home): Promise<boolean> {
  const socket = await connected(home)
  socket?.destroy()
  return socket !== null
}

/**
 * Asks the running sync to look at everything now. Null when none runs, or it ended before it answered. Rejects with
 * Failure where the sync failed, with the signal's reason when it is aborted: the running sync goes on.
 */
export async function askToSync(
  home: Home,
  deletions: Deletions,
  options: { readonly signal: AbortSignal; readonly progress: (now: LiveState) => void },
): Promise<SyncReport | null> {
  const socket = await connected(home)
  if (socket === null) return null
  for await (const told of ask(socket, { format: 1, ask: 'sync', deletions }, options.signal)) {
    if ('now' in told) options.progress(told.now)
    if ('report' in told) return told.report
    if ('failure' in told) {
      const { exit, code, message } = told.failure
      throw new Failure(exit, code, message)
    }
  }
  return null
}

/**
 * Asks the running sync to stop and waits until its process has ended. False when none runs. Rejects with the signal's
 * reason when it is aborted, and `pid` tells which process it was, once that is known.
 */
export async function askToStop(
  home: Home,
  signal: AbortSignal,
  pid: (pid: number) => void,
): Promise<boolean> {
  const socket = await connected(home)
  if (socket === null) return false
  for await (const told of ask(socket, { format: 1, ask: 'stop' }, signal))
    if ('stopping' in told) pid(told.stopping)
  return true
}

async function connected(home: Home): Promise<Socket | null> {
  for (const path of socketPaths(home)) {
    const socket = await connectedTo(path)
    if (socket !== null) return socket
  }
  return null
}

function connectedTo(path: string): Promise<Socket | null> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    socket.once('connect', () => resolve(socket))
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (NOBODY.includes(error.code ?? '')) resolve(null)
      else reject(error)
    })
  })
}

/** What is told until the other side ends the connection, however it does: a process that is killed has ended too. */
async function* ask(socket: Socket, message: Ask, signal: AbortSignal): AsyncGenerator<Told> {
  const cut = () => socket.destroy()
  signal.addEventListener('abort', cut)
  say(socket, message)
  let rest = ''
  try {
    for await (const piece of socket.setEncoding('utf8') as AsyncIterable<string>) {
      const lines = `${rest}${piece}`.split('\n')
      rest = lines.pop()!
      for (const line of lines) yield JSON.parse(line) as Told
    }
  } catch (error) {
    if (!isCut(error)) throw error
  } finally {
    signal.removeEventListener('abort', cut)
    socket.destroy()
  }
  signal.throwIfAborted()
}

function isCut(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : ''
  return ['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE'].includes(String(code))
}
