/**
 * The engines of one test run (vitest's global setup): each is started when a test first asks for it, serves every
 * test file of the run, and is removed at the end. Tests ask over a socket, since each file runs in a process of its own.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { EngineMissing, type EngineName, type RunningEngine } from './engine.ts'
import { LAUNCHERS } from './launchers.ts'

/** What a test is told of an engine. */
export type EngineAnswer =
  | { readonly title: string; readonly settings: Readonly<Record<string, string>> }
  | { readonly missing: string; readonly couldBeHad: boolean }

declare module 'vitest' {
  interface ProvidedContext {
    /** Path of the socket that the keeper listens on. */
    engines: string
  }
}

export default function keepEngines(project: TestProject): () => Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'pileus-engines-'))
  const socket = join(folder, 'keeper')
  const started = new Map<EngineName, Promise<RunningEngine>>()

  function engine(name: EngineName): Promise<RunningEngine> {
    const known = started.get(name)
    if (known) return known
    const starting = LAUNCHERS[name]('test')
    started.set(name, starting)
    return starting
  }

  const server = createServer((request, response) => {
    answerOf(engine(request.url!.slice(1) as EngineName)).then(
      (answer) => response.end(JSON.stringify(answer)),
      (error) => response.writeHead(500).end(String(error instanceof Error ? error.stack : error)),
    )
  })
  server.listen(socket)
  project.provide('engines', socket)
  return async () => {
    server.closeAllConnections()
    server.close()
    for (const starting of started.values()) {
      const running = await starting.catch(() => null)
      await running?.remove()
    }
    rmSync(folder, { recursive: true, force: true })
  }
}

async function answerOf(starting: Promise<RunningEngine>): Promise<EngineAnswer> {
  try {
    const { title, settings } = await starting
    return { title, settings }
  } catch (error) {
    if (error instanceof EngineMissing) return { missing: error.message, couldBeHad: error.couldBeHad }
    throw error
  }
}
