/** The command line: what can be said, and which file does it. */
import { readFileSync } from 'node:fs'
import { meaninglessVariables } from '@pileus/core/variables'
import { Command, CommanderError, Option } from 'commander'
import type { SignInOptions } from './commands/new-device.ts'
import type { SyncOptions } from './commands/sync.ts'
import type { Context, KeyKeeping } from './context.ts'
import { EXIT, type Exit } from './failures/exit-codes.ts'
import { Failure } from './failures/failure.ts'
import { homePath, openHome } from './home/home.ts'
import { noteStanding } from './home/signed-in.ts'
import { calledAs } from './terminal/called.ts'
import { createOutput, type Output } from './terminal/output.ts'

const VERSION = (
  JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
).version

/** Does the work; returns how it ended when that is not plainly 'ok'. */
type Work<Options> = (context: Context, args: string[], options: Options) => Promise<Exit | undefined>

interface GlobalOptions {
  readonly home?: string
  readonly json?: boolean
  readonly quiet?: boolean
  readonly color?: boolean
  readonly keys?: KeyKeeping
}

/** Runs one command line. Returns the exit code; never throws. */
export async function runProgram(args: readonly string[]): Promise<number> {
  // An empty variable says nothing, as elsewhere.
  for (const name of ['PILEUS_KEYS', 'PILEUS_SERVER', 'PILEUS_DEVICE_NAME']) {
    if (process.env[name] === '') delete process.env[name]
  }
  const state: { exit: Exit } = { exit: 'ok' }
  const program = createProgram(state)
  if (args.length === 0) {
    process.stdout.write(program.helpInformation())
    return EXIT.ok
  }
  try {
    await program.parseAsync(args as string[], { from: 'user' })
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.ok
    const failure = error instanceof CommanderError ? usage(error) : await explained(error)
    if (failure.code === 'device-removed') noteRemoved(program.optsWithGlobals<GlobalOptions>().home)
    outputFor(program.optsWithGlobals(), args.includes('--json')).failure(failure)
    return EXIT[failure.exit]
  }
  return EXIT[state.exit]
}

/** The whole command line, for running, for help and for shell completion. */
export function createProgram(state: { exit: Exit }): Command {
  const program = new Command('pileus')
    .description('End-to-end encrypted file sync.')
    .option('--home <dir>', "this device's state, one per device (default: PILEUS_HOME or ~/.pileus)")
    .option('--json', 'print the result as JSON')
    .option('-q, --quiet', 'print what was asked for and failures only')
    .option('--no-color', 'no colours (also NO_COLOR)')
    .version(VERSION, '--version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand(false)
    .showSuggestionAfterError()
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ writeErr: () => {} })
    .exitOverride()
  const add: AddCommand = (parent, syntax, description, example, work) =>
    parent
      .command(syntax, { isDefault: parent !== program && syntax === 'list' })
      .description(description)
      .addHelpText('after', `\nExample:\n${indent(example)}`)
      .action(async (...given: unknown[]) => {
        const command = given.at(-1) as Command
        state.exit = (await execute(command, work)) ?? 'ok'
      })
  addAccountCommands(program, add)
  addSyncCommands(program, add)
  addOtherCommands(program, add)
  return program
}

type AddCommand = <Options>(
  parent: Command,
  syntax: string,
  description: string,
  example: string,
  work: Work<Options>,
) => Command

const keysOption = () =>
  new Option('--keys <how>', "keep this device's keys in a file, or in one sealed by a passphrase")
    .choices(['file', 'passphrase'])
    .env('PILEUS_KEYS')
const serverOption = () => new Option('--server <url>', 'address of the server').env('PILEUS_SERVER')
const deviceNameOption = () =>
  new Option('--device-name <name>', 'what to call this device (default: its host name)').env(
    'PILEUS_DEVICE_NAME',
  )

function addAccountCommands(program: Command, add: AddCommand): void {
  program.commandsGroup('Account:')
  add<SignInOptions>(
    program,
    'signup <name>',
    'create an account; prints its recovery phrase once',
    'pileus signup --server http://localhost:3001 ana',
    async (context, [name], options) =>
      (await import('./commands/signup.ts')).signup(context, name!, options),
  )
    .addOption(serverOption())
    .addOption(deviceNameOption())
    .addOption(keysOption())
  add<SignInOptions>(
    program,
    'login <name>',
    'sign in on this device',
    'pileus login --server http://localhost:3001 ana',
    async (context, [name], options) => (await import('./commands/login.ts')).login(context, name!, options),
  )
    .addOption(serverOption())
    .addOption(deviceNameOption())
    .addOption(keysOption())
  add<SignInOptions>(
    program,
    'recover <name>',
    'set a new password with the recovery phrase, and sign in on this device',
    'pileus recover --server http://localhost:3001 ana',
    async (context, [name], options) =>
      (await import('./commands/recover.ts')).recover(context, name!, options),
  )
    .addOption(serverOption())
    .addOption(deviceNameOption())
    .addOption(keysOption())
  add(program, 'passwd', 'change the password', 'pileus passwd', async (context) =>
    (await import('./commands/passwd.ts')).passwd(context),
  )
  add(
    program,
    'whoami',
    'who is signed in here, and how much room is left',
    'pileus whoami --json',
    async (context) => (await import('./commands/whoami.ts')).whoami(context),
  )
  const devices = program.command('devices').description('the devices of the account')
  devices.helpCommand(false)
  add(devices, 'list', 'list them', 'pileus devices list', async (context) =>
    (await import('./commands/devices.ts')).listDevices(context),
  )
  add(
    devices,
    'remove <device>',
    'remove one, by its name or id: it can read nothing that is written from now on',
    "pileus devices remove 'old laptop'",
    async (context, [device]) => (await import('./commands/devices.ts')).removeDevice(context, device!),
  )
}

function addSyncCommands(program: Command, add: AddCommand): void {
  program.commandsGroup('Files:')
  add(
    program,
    'link <dir>',
    'make a folder the synced folder of this device',
    'pileus link ~/Pileus',
    async (context, [dir]) => (await import('./commands/link.ts')).link(context, dir!),
  )
  add(program, 'unlink', 'stop syncing the folder; its files stay', 'pileus unlink', async (context) =>
    (await import('./commands/unlink.ts')).unlink(context),
  )
  add<SyncOptions>(
    program,
    'sync',
    'keep the folder and the server the same, until Ctrl-C',
    'pileus sync\npileus sync --once',
    async (context, _args, options) => (await import('./commands/sync.ts')).sync(context, options),
  )
    .option('--once', 'sync once, then end')
    .addOption(
      new Option(
        '--deletions <answer>',
        'many deletions at once wait (hold) until you have them made everywhere (accept) or the files brought back (undo)',
      )
        .choices(['hold', 'accept', 'undo'])
        .default('hold'),
    )
  add(program, 'stop', 'stop the `pileus sync` that runs on this device', 'pileus stop', async (context) =>
    (await import('./commands/stop.ts')).stop(context),
  )
  add(program, 'status', 'what is linked, what waits, what needs you', 'pileus status', async (context) =>
    (await import('./commands/status.ts')).status(context),
  )
  add(
    program,
    'ls [path]',
    'list a folder of the account, whether or not it is on this disk',
    'pileus ls photos/2026',
    async (context, [path]) => (await import('./commands/ls.ts')).ls(context, path ?? ''),
  )
}

function addOtherCommands(program: Command, add: AddCommand): void {
  program.commandsGroup('More:')
  add(
    program,
    'completion <shell>',
    'print shell completion for bash, zsh or fish',
    'source <(pileus completion bash)\npileus completion zsh > ~/.zfunc/_pileus\npileus completion fish > ~/.config/fish/completions/pileus.fish',
    async (context, [shell]) =>
      (await import('./commands/completion.ts')).completion(context, shell!, createProgram({ exit: 'ok' })),
  )
  program
    .command('help [command...]')
    .description("help on a command, or 'exit-codes'")
    .action(async (words: string[]) => {
      if (words[0] === 'exit-codes') {
        process.stdout.write((await import('./failures/exit-codes.ts')).exitCodesText())
        return
      }
      let command: Command = program
      for (const word of words) {
        const next = command.commands.find((candidate) => candidate.name() === word)
        if (next === undefined)
          throw new Failure('usage', 'unknown-command', `There is no command "${word}": see \`pileus help\`.`)
        command = next
      }
      command.help()
    })
  program.addHelpText(
    'after',
    `
Start:
  pileus signup --server http://localhost:3001 ana
  pileus link ~/Pileus
  pileus sync

Passwords are asked for, or read from PILEUS_PASSWORD, PILEUS_NEW_PASSWORD, PILEUS_PHRASE and PILEUS_PASSPHRASE.
Exit codes: pileus help exit-codes`,
  )
}

async function execute<Options>(command: Command, work: Work<Options>): Promise<Exit | undefined> {
  const options = command.optsWithGlobals<GlobalOptions & Options>()
  const stop = new AbortController()
  // Once is enough to stop in order; a second one ends the process as usual.
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort())
  const keys = options.keys ?? keysFromEnvironment()
  const context: Context = {
    home: openHome(homePath(options.home)),
    out: outputFor(options, false),
    signal: stop.signal,
    keys,
    called: calledAs(process.argv[1] ?? 'pileus', options.home, process.env),
  }
  const meaningless = meaninglessVariables(process.env)
  if (meaningless.length > 0) context.out.note(meaningless.join(' '))
  return work(context, command.processedArgs as string[], options)
}

function keysFromEnvironment(): KeyKeeping | undefined {
  const given = process.env.PILEUS_KEYS
  return given === 'file' || given === 'passphrase' ? given : undefined
}

function outputFor(options: GlobalOptions, json: boolean): Output {
  return createOutput({
    json: options.json ?? json,
    quiet: options.quiet ?? false,
    color: options.color !== false && !process.env.NO_COLOR,
  })
}

/** For `status`, which may be asked while the server cannot be. */
function noteRemoved(home: string | undefined): void {
  try {
    noteStanding(openHome(homePath(home)), 'removed')
  } catch {
    // The failure that is about to be told matters more than a note that could not be written.
  }
}

async function explained(error: unknown): Promise<Failure> {
  return (await import('./failures/explain.ts')).explain(error)
}

/** Commander's own messages start with "error: ", may suggest something on a second line, and quote how an option is declared. */
function usage(error: CommanderError): Failure {
  const text = error.message
    .replace(/^error: /, '')
    .replace(/\n\(?/g, '. ')
    .replace(/\)$/, '')
    .replace(/^option '.*?(--[\w-]+).*?' argument '(.*)' is invalid\./, "$1 cannot be '$2'.")
    .replace(/^option '.*?(--[\w-]+).*?' argument missing$/, '$1 needs a value')
    .replace(/^too many arguments for '(.*)'\. Expected (\d+) .*got (\d+)\.?$/i, tooMany)
    .trim()
  const sentence = text.charAt(0).toUpperCase() + text.slice(1)
  return new Failure(
    'usage',
    'usage',
    `${sentence}${/[.?!]$/.test(sentence) ? '' : '.'} See \`pileus --help\`.`,
  )
}

function tooMany(_: string, command: string, takes: string, given: string): string {
  const words = takes === '1' ? '1 word' : takes === '0' ? 'no words' : `${takes} words`
  return `'${command}' takes ${words}, and ${given} ${given === '1' ? 'was' : 'were'} given`
}

function indent(text: string): string {
  return text
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n')
}
