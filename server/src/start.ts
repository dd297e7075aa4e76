/** The composition root: names the engines, and starts and stops a server. */
import { randomBytes, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { nodeCrypto } from '@pileus/core/crypto/node'
import { QUOTA_DEFAULT_BYTES } from '@pileus/core/limits'
import { type DestinationStream, pino } from 'pino'
import { createGateway, type Gateway } from './api/gateway.ts'
import { guardBlobs } from './blobs/guarded.ts'
import type { LogLevel } from './config.ts'
import { openDataFolder } from './data-folder.ts'
import { EMBEDDED, type EngineChoices, needsFolder } from './engine-settings.ts'
import { openEngines, openMemory } from './engines.ts'
import { departureOf, takeOver } from './move/notes.ts'
import { createMetrics } from './observe/metrics.ts'
import type { Engines, Environment } from './rules/environment.ts'
import { opaqueServer } from './rules/opaque.ts'
import { RATE_LIMITS, type RateLimits } from './rules/rate-limits.ts'
import { createService } from './rules/service.ts'
import { upkeep } from './rules/upkeep.ts'

export interface StartOptions {
  /** The folder of what embedded engines keep; or nothing is kept at all. */
  readonly data: string | 'memory'
  /** Embedded ones unless given. */
  readonly engines?: EngineChoices
  readonly host?: string
  /** 0: any free port. */
  readonly port: number
  readonly quotaBytes?: number
  readonly rateLimits?: RateLimits
  readonly trustedProxies?: string
  readonly logLevel?: LogLevel
  /** Between two heartbeats of a live channel; the protocol's unless given. */
  readonly heartbeatSeconds?: number
  /** Where log lines go; standard error unless given. */
  readonly logTo?: DestinationStream
  /** Milliseconds since 1970. */
  readonly clock?: () => number
  /** Puts something between the rules and the engines: faults, measures. */
  readonly wrap?: (engines: Engines) => Engines
}

export interface RunningServer {
  /** http://HOST:PORT */
  readonly url: string
  readonly port: number
  readonly version: string
  /** The folder's full path; null where no engine keeps anything in it. */
  readonly data: string | null
  readonly engines: Engines
  /** Where its data is being moved to, or was: then it answers reads only. */
  readonly movedTo: string | null
  /** Stops accepting, finishes what was accepted (10 s at most), closes the engines. */
  close(): Promise<void>
}

/** The port could not be listened on; the message is one sentence for a person. */
export class CannotListen extends Error {
  constructor(sentence: string, cause: unknown) {
    super(sentence, { cause })
    this.name = 'CannotListen'
  }
}

const UPKEEP_MS = 3_600_000
const FINISH_MS = 10_000
const IDLE_CHECK_MS = 20
export const VERSION: string = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
).version

/** Starts a server and resolves once it listens. Throws DataFolderUnusable, CannotListen, or an engine's error. */
export async function startServer(options: StartOptions): Promise<RunningServer> {
  const clock = options.clock ?? Date.now
  const logger = pino(
    { level: options.logLevel ?? 'silent' },
    options.logTo ?? pino.destination({ fd: 2, sync: true }),
  )
  const metrics = createMetrics((what, error) =>
    logger.error({ err: error, what }, 'failed beside a request'),
  )
  const { engines: opened, opaqueSetup, data, closeEngines } = await open(options, clock)
  const wrapped = options.wrap?.(opened) ?? opened
  const guarded = guardBlobs(wrapped.blobs, metrics, () => performance.now())
  const engines: Engines = { ...wrapped, blobs: guarded.blobs }
  const environment: Environment = {
    engines,
    clock,
    random: (bytes) => new Uint8Array(randomBytes(bytes)),
    crypto: nodeCrypto,
    opaque: await opaqueServer(opaqueSetup),
    rateLimits: options.rateLimits ?? RATE_LIMITS,
    quotaBytes: options.quotaBytes ?? QUOTA_DEFAULT_BYTES,
    observer: metrics,
  }
  const gateway = createGateway({
    service: createService(environment),
    metrics,
    health: {
      components: (['accounts', 'zones', 'blobs', 'live'] as const).map((name) => ({
        name,
        check: () => engines[name].check(),
      })),
      circuits: guarded.circuits,
      clock,
      startedAt: clock(),
    },
    logger,
    trustedProxies: options.trustedProxies ?? '',
    newRequestId: randomUUID,
    version: VERSION,
    ...(options.heartbeatSeconds !== undefined && { heartbeatSeconds: options.heartbeatSeconds }),
  })
  const departure = await departureOf(opened)
  try {
    await takeOver(opened.accounts)
    await listen(gateway, options)
  } catch (error) {
    await closeEngines()
    throw error
  }
  const timer = setInterval(() => {
    upkeep(environment).catch((error) => metrics.failed('upkeep', error))
  }, UPKEEP_MS)
  timer.unref()
  const { port } = gateway.app.server.address() as AddressInfo
  return {
    url: `http://${shownHost(options.host)}:${port}`,
    port,
    version: VERSION,
    data,
    engines,
    movedTo: departure?.to ?? null,
    close: once(async () => {
      clearInterval(timer)
      await finish(gateway)
      await closeEngines()
    }),
  }
}

/** Opens the engines, and the data folder where one of them needs it. */
async function open({ data, engines: choices = EMBEDDED }: StartOptions, clock: () => number) {
  const folder = data === 'memory' || !needsFolder(choices) ? null : await openDataFolder(data)
  try {
    const opened = data === 'memory' ? await openMemory(clock) : await openEngines(choices, folder, clock)
    return {
      ...opened,
      data: folder?.path ?? null,
      closeEngines: async () => {
        for (const engine of Object.values(opened.engines)) await engine.close()
        folder?.unlock()
      },
    }
  } catch (error) {
    folder?.unlock()
    throw error
  }
}

async function listen({ app }: Gateway, { host = '127.0.0.1', port }: StartOptions): Promise<void> {
  try {
    await app.listen({ host, port })
  } catch (error) {
    await app.close()
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    throw new CannotListen(`cannot listen on ${host}:${port}: ${listenReason(code, error)}`, error)
  }
}

function listenReason(code: unknown, error: unknown): string {
  switch (code) {
    case 'EADDRINUSE':
      return 'another program is using the port; stop it, or set PILEUS_PORT to a free one'
    case 'EACCES':
      return 'permission denied; set PILEUS_PORT to a port above 1023'
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return 'this machine has no such address; set PILEUS_HOST to one that it has'
    default:
      return error instanceof Error ? error.message : String(error)
  }
}

/** Waits for accepted requests; cuts those that take too long. */
async function finish({ app, stopAccepting }: Gateway): Promise<void> {
  const channels = stopAccepting()
  const cut = setTimeout(() => app.server.closeAllConnections(), FINISH_MS)
  // A kept-alive connection is only closed while it is idle, and may become so at any moment.
  const idle = setInterval(() => app.server.closeIdleConnections(), IDLE_CHECK_MS)
  try {
    await channels
    await app.close()
  } finally {
    clearTimeout(cut)
    clearInterval(idle)
  }
}

function shownHost(host = '127.0.0.1'): string {
  if (['127.0.0.1', '0.0.0.0', '::', '::1', 'localhost'].includes(host)) return 'localhost'
  return host.includes(':') ? `[${host}]` : host
}

function once<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined
  return () => {
    running ??= work()
    return running
  }
}
