/**
 * `npm start`, or `pileus-server`: the server, until Ctrl-C or SIGTERM. `pileus-server config` prints the settings in force and
 * starts nothing; `pileus-server move` moves all data to other engines.
 */
import { meaninglessVariables } from '@pileus/core/variables'
import { type Config, ConfigInvalid, readConfig, shownConfig } from './config.ts'
import { DataFolderUnusable } from './data-folder.ts'
import { DamagedStorage, EngineUnusable, StorageFull } from './engine-errors.ts'
import { EMBEDDED, type EngineChoices } from './engine-settings.ts'
import { CannotListen, type RunningServer, startServer } from './start.ts'

/** A person at a terminal sees what matters; a log collector gets every request. */
const DEFAULT_LOG_LEVEL = process.stderr.isTTY ? 'warn' : 'info'

const HELP: ReadonlySet<string> = new Set(['help', '--help', '-h'])
const USAGE = `Usage: pileus-server         serves until Ctrl-C or SIGTERM
       pileus-server config  prints the settings in force, secrets hidden, and starts nothing
       pileus-server move    moves all data to other engines
Settings are environment variables, or lines of the file that PILEUS_CONFIG names: docs/operations.md has all.`

async function main(args: readonly string[]): Promise<void> {
  const [command, ...rest] = args
  // No mistake, as it is in a settings file: an environment may hold variables of whoever starts the server.
  for (const sentence of meaninglessVariables(process.env)) console.error(sentence)
  if (HELP.has(args.join(' '))) console.log(USAGE)
  else if (command === 'config' && rest.length === 0) {
    for (const line of shownConfig(process.env, DEFAULT_LOG_LEVEL)) console.log(line)
  } else if (command === undefined) await serve()
  else if (command === 'move') {
    const { runMove } = await import('./move/command.ts')
    process.exitCode = await runMove(rest, process.env)
  } else {
    console.error(`pileus-server does not know ${JSON.stringify(args.join(' '))}.\n${USAGE}`)
    process.exitCode = 2
  }
}

async function serve(): Promise<void> {
  const stopping = Promise.withResolvers<void>()
  const stop = () => stopping.resolve()
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  const config = readConfig(process.env, DEFAULT_LOG_LEVEL)
  const server = await startServer(config)
  greet(server, config)
  await stopping.promise
  console.log('Stopping: finishing what was accepted.')
  await server.close()
  console.log('Stopped.')
}

/** In one write: whoever waits for the address has the whole greeting then. */
function greet({ url, data, version, movedTo }: RunningServer, { host, engines }: Config): void {
  const lines = [`Pileus server ${version} listens on ${url}`]
  if (!['127.0.0.1', '::1', 'localhost'].includes(host)) {
    lines.push(`Other machines reach it on ${host}: put a proxy with TLS in front of it.`)
  }
  lines.push(
    ...(data === null ? [] : [`Data: ${data}`]),
    ...engineLine(engines),
    ...(movedTo === null
      ? []
      : [`Fenced: the data is being moved to ${movedTo}, or was. Reads are answered, changes are refused.`]),
    '',
    // Elsewhere npx would ask the npm registry for a package of that name.
    'Sign up from another terminal, in this folder:',
    `  npx pileus signup --server ${url} NAME`,
    'Ctrl-C stops the server.',
  )
  console.log(lines.join('\n'))
}

/** Which engines are not the embedded ones. */
function engineLine(engines: EngineChoices): string[] {
  const others = Object.entries(engines).filter(
    ([port, { kind }]) => kind !== EMBEDDED[port as keyof EngineChoices].kind,
  )
  return others.length === 0
    ? []
    : [`Engines: ${others.map(([port, { kind }]) => `${port} on ${kind}`).join(', ')}`]
}

/** Expected failures are one sentence; anything else keeps its stack, for a bug report. */
function explain(error: unknown): void {
  if (error instanceof ConfigInvalid) {
    console.error('Cannot start the server:')
    for (const mistake of error.mistakes) console.error(`  ${mistake}`)
  } else if (
    error instanceof DataFolderUnusable ||
    error instanceof CannotListen ||
    error instanceof EngineUnusable
  ) {
    console.error(sentence(error.message))
  } else if (error instanceof DamagedStorage || error instanceof StorageFull) {
    console.error(sentence(`cannot start the server: ${error.message}; ${advice(error)}`))
  } else {
    console.error(error)
  }
}

function advice(error: DamagedStorage | StorageFull): string {
  return error instanceof StorageFull ? 'make room on its disk' : 'restore the data folder from a backup'
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}

try {
  await main(process.argv.slice(2))
} catch (error) {
  explain(error)
  process.exitCode = 1
}
