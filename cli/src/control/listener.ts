/** The running side of the control socket. */
import { rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import type { SyncReport } from '@pileus/client/drive/drive'
import type { LiveState } from '@pileus/client/live/live-drive'
import { explain } from '../failures/explain.ts'
import { Failure } from '../failures/failure.ts'
import type { Home } from '../home/home.ts'
import { ASK_MAX_BYTES, type Deletions, parseAsk, say } from './messages.ts'
import { makePrivateFolder, socketPaths } from './socket-path.ts'

export interface Asked {
  /** Looks at everything now. Rejects with what stood in the way. */
  sync(deletions: Deletions): Promise<SyncReport>
  /** Begins to stop. */
  stop(): void
}

export interface Control {
  /** To everybody who waits for a sync. */
  tell(now: LiveState): void
  /** Takes no more asks. Whoever asked to stop hears the end of this process. */
  close(): void
}

/**
 * Answers asks until it is closed. To be called under the lock of the home: then a socket that is there already is what a
 * killed process left behind. Rejects with the system's error where no socket can be made anywhere.
 */
export async function openControl(home: Home, asked: Asked): Promise<Control> {
  const syncing = new Set<Socket>()
  const stopping = new Set<Socket>()
  const connected = new Set<Socket>()

  const server = createServer((socket) => {
    connected.add(socket)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      for (const set of [connected, syncing, stopping]) set.delete(socket)
    })
    firstLine(socket, (line) => answer(socket, line))
  })

  function answer(socket: Socket, line: string): void {
    const ask = parseAsk(line)
    if (ask === null) {
      const words = 'The running sync is of another version: stop it and start it again.'
      refuse(socket, new Failure('locked', 'other-version', words))
    } else if (ask.ask === 'stop') {
      stopping.add(socket)
      say(socket, { stopping: process.pid })
      asked.stop()
    } else {
      syncing.add(socket)
      asked.sync(ask.deletions).then(
        (report) => {
          say(socket, { report })
          socket.end()
        },
        (error) => refuse(socket, explain(error)),
      )
    }
  }

  await listen(server, home)
  return {
    tell(now) {
      for (const socket of syncing) say(socket, { now })
    },
    close() {
      server.close()
      for (const socket of connected) {
        // Neither may hold this process: the system closes what it leaves open, and that is the answer to a stop.
        if (stopping.has(socket)) socket.unref()
        else if (!syncing.has(socket)) socket.destroy()
      }
    },
  }
}

/** Nobody who is meant says more than one line, or a long one. */
function firstLine(socket: Socket, heard: (line: string) => void): void {
  let text = ''
  const take = (piece: string) => {
    text += piece
    const end = text.indexOf('\n')
    if (end < 0 && text.length <= ASK_MAX_BYTES) return
    socket.off('data', take).resume()
    heard(end < 0 ? text : text.slice(0, end))
  }
  socket.setEncoding('utf8').on('data', take)
}

function refuse(socket: Socket, { exit, code, message }: Failure): void {
  say(socket, { failure: { exit, code, message } })
  socket.end()
}

async function listen(server: Server, home: Home): Promise<void> {
  let failed: unknown = new Error('the path of the home is too long for a socket')
  for (const path of socketPaths(home)) {
    try {
      if (!path.startsWith(home.path)) makePrivateFolder()
      rmSync(path, { force: true })
      return await bind(server, path)
    } catch (error) {
      failed = error
    }
  }
  throw failed
}

function bind(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    // Bound before `listen` returns, so that nobody else can open the socket even for a moment.
    const before = process.umask(0o177)
    server.listen(path, resolve)
    process.umask(before)
  })
}
