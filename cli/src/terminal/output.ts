/** Where a command's words go: results to stdout, everything else to stderr. */
import type { Failure } from '../failures/failure.ts'

export interface Output {
  readonly json: boolean
  readonly quiet: boolean
  /** What the command was asked for: the lines for a person, or the value with --json. */
  result(lines: readonly string[], value: unknown): void
  /** What the command did, where nothing was asked for but the deed: as `result`, left out with --quiet. */
  done(lines: readonly string[], value: unknown): void
  /** Something a person should know, on stderr; left out with --quiet. */
  note(line: string): void
  /** The one sentence of a failure; the value on stdout too with --json. */
  failure(failure: Failure): void
  bold(text: string): string
}

export interface OutputOptions {
  readonly json: boolean
  readonly quiet: boolean
  readonly color: boolean
}

/** Output to this process's streams. */
export function createOutput(options: OutputOptions): Output {
  const style = (stream: NodeJS.WriteStream, codes: string, text: string) =>
    options.color && stream.isTTY ? `\u001b[${codes}m${text}\u001b[0m` : text
  const result = (lines: readonly string[], value: unknown) => {
    if (options.json) process.stdout.write(`${JSON.stringify(value, null, 2)}\n`)
    else if (lines.length > 0) process.stdout.write(`${lines.join('\n')}\n`)
  }
  return {
    json: options.json,
    quiet: options.quiet,
    result,
    done(lines, value) {
      if (options.json || !options.quiet) result(lines, value)
    },
    note(line) {
      if (!options.quiet) process.stderr.write(`${line}\n`)
    },
    failure(failure) {
      if (options.json) {
        const error = { code: failure.code, message: failure.message }
        process.stdout.write(`${JSON.stringify({ error }, null, 2)}\n`)
      }
      process.stderr.write(`${style(process.stderr, '31', 'pileus:')} ${failure.message}\n`)
      if (process.env.PILEUS_DEBUG === '1') process.stderr.write(`${trace(failure)}\n`)
    },
    bold: (text) => style(process.stdout, '1', text),
  }
}

function trace(failure: Failure): string {
  const cause = failure.cause
  return cause instanceof Error ? (cause.stack ?? cause.message) : (failure.stack ?? failure.message)
}
