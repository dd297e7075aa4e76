/** `pileus-server move`: what the operator types and reads. */
import { parseArgs } from 'node:util'
import { Problem } from '@pileus/core/protocol/problem'
import { BlobMissing } from '../blobs/blobs.ts'
import { type Config, ConfigInvalid, readConfig } from '../config.ts'
import { DataFolderUnusable } from '../data-folder.ts'
import { DamagedStorage, EngineUnreachable, EngineUnusable, StorageFull } from '../engine-errors.ts'
import { FILE_SETTING, type Variables } from '../settings.ts'
import { move } from './move.ts'
import { departureOf } from './notes.ts'
import { openSource, openTarget, type Place, requireOtherPlaces } from './places.ts'
import type { Progress, Tally } from './progress.ts'
import { MoveStopped } from './stopped.ts'
import { undo } from './undo.ts'

const USAGE = `Usage: pileus-server move --to FILE [--undo] [--json]
  Moves all accounts, zones and blobs from the engines of the settings in force to those of FILE, a file of
  settings as PILEUS_CONFIG names one. Run again, it goes on where it was. --undo stays with the source.`
const TOLD_EVERY_MS = 1_000

interface Asked {
  readonly file: string
  readonly undo: boolean
  readonly json: boolean
}

/** Runs the command; returns the exit code. */
export async function runMove(args: readonly string[], environment: Variables): Promise<number> {
  const asked = readArgs(args)
  if (asked === 'help') {
    console.log(USAGE)
    return 0
  }
  if (asked === null) {
    console.error(USAGE)
    return 2
  }
  let source: Place | undefined
  try {
    const from = readSide('the settings in force', environment)
    const to = readSide(asked.file, { [FILE_SETTING]: asked.file })
    requireOtherPlaces(from, to)
    source = await openSource(from)
    if (asked.undo) await runUndo(source, to)
    else await runMoving(source, to, asked)
    return 0
  } catch (error) {
    const sentence = sentenceOf(error)
    if (sentence === null) throw error
    console.error(sentence)
    if (source && !asked.undo) console.error(await howTheSourceIs(source.engines))
    return 1
  } finally {
    await source?.close()
  }
}

function readArgs(args: readonly string[]): Asked | 'help' | null {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        to: { type: 'string' },
        undo: { type: 'boolean' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    })
    if (values.help) return 'help'
    if (!values.to) return null
    return { file: values.to, undo: values.undo === true, json: values.json === true }
  } catch {
    return null
  }
}

function readSide(what: string, environment: Variables): Config {
  try {
    return readConfig(environment, 'warn')
  } catch (error) {
    if (error instanceof ConfigInvalid) throw new MoveStopped(`${what}: ${error.mistakes.join('; ')}`, error)
    throw error
  }
}

async function runUndo(source: Place, to: Config): Promise<void> {
  await undo(source, () => openTarget(to))
  console.log(`The fence is gone: ${source.name} takes changes again. Nothing of it was changed meanwhile.`)
}

async function runMoving(source: Place, to: Config, { file, json }: Asked): Promise<void> {
  const target = await openTarget(to)
  try {
    if (!json) console.log(`From ${source.name}\nto   ${target.name}`)
    const moved = await move(source, target, json ? tellJson() : tellPerson())
    if (json) console.log(JSON.stringify({ step: 'done', moved }))
    else console.log(whatNow(moved, file))
  } finally {
    await target.close()
  }
}

function whatNow(moved: boolean, file: string): string {
  return [
    moved ? 'Moved. The target holds what the source holds.' : 'This move was complete before.',
    '',
    'Now stop the old server, and start the new one, at the same address for the devices:',
    `  ${FILE_SETTING}=${file} npm start`,
    'The source stays as it was, and takes no changes. Keep it until you have seen the new server work.',
    'To stay with the source after all, before any server was started on the target:',
    `  npx pileus-server move --to ${file} --undo`,
  ].join('\n')
}

/** Lines for a person: each step at once, how far it is every second. */
function tellPerson(): (progress: Progress) => void {
  const due = everySecond()
  return (progress) => {
    switch (progress.step) {
      case 'fenced':
        return console.log('Fenced: the source answers reads, and takes no changes from now on.')
      case 'verified':
        return console.log('Verified: every row, every hash, every object.')
      default:
        if (due(progress))
          console.log(tallyLine(progress.step === 'copying' ? 'Copied' : 'Compared', progress))
    }
  }
}

function tallyLine(done: string, { zones, zonesTotal, bytes, bytesTotal }: Tally): string {
  return `${done} ${zones} of ${zonesTotal} zones, ${megabytes(bytes)} of ${megabytes(bytesTotal)} MB.`
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1)
}

function tellJson(): (progress: Progress) => void {
  const due = everySecond()
  return (progress) => {
    if (!('zones' in progress) || due(progress)) console.log(JSON.stringify(progress))
  }
}

/** Whether it is time to tell: now and then, and at the end. */
function everySecond(): (tally: Tally) => boolean {
  let next = 0
  return ({ zones, zonesTotal }) => {
    if (performance.now() < next && zones < zonesTotal) return false
    next = performance.now() + TOLD_EVERY_MS
    return true
  }
}

/** What an operator can do something about; null for what nobody foresaw. */
function sentenceOf(error: unknown): string | null {
  if (!(error instanceof Error)) return null
  if (error instanceof EngineUnreachable)
    return capital(`${error.message}: see to it, then run the same command again.`)
  if (error instanceof StorageFull)
    return capital(`${error.message}: make room there, then run the same command again.`)
  if (error instanceof DamagedStorage || error instanceof BlobMissing || error instanceof Problem)
    return capital(
      `${error.message}: restore that in the source from a backup, then run the same command again.`,
    )
  if (error instanceof MoveStopped || error instanceof EngineUnusable || error instanceof DataFolderUnusable)
    return capital(`${error.message}.`)
  return null
}

function capital(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`
}

const NOT_FENCED = 'Nothing was moved; the source is not fenced.'
const FENCED =
  'The source is whole and fenced, and what was copied is kept: run the same command again to go on, or with --undo to stay.'
const UNKNOWN =
  'Nothing is lost; whether the source is fenced could not be asked: run the same command again once it answers'

/** After a failure: that nothing is lost, and whether the source waits. */
export async function howTheSourceIs(engines: Parameters<typeof departureOf>[0]): Promise<string> {
  try {
    return (await departureOf(engines)) === null ? NOT_FENCED : FENCED
  } catch (error) {
    return `${UNKNOWN} (${error instanceof Error ? error.message : String(error)}).`
  }
}
