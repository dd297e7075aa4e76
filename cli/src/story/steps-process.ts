/** The process of `steps.ts`: runs the command lines it is told, one after the other, and tells how each ended. */
import { join } from 'node:path'
import { runProgram } from '../program.ts'
import type { Step } from './steps.ts'

process.argv[1] = join(import.meta.dirname, '../../bin/pileus.mjs')
process.on('message', (step: Step) => void run(step))
process.on('disconnect', () => process.exit())

async function run({ args, env }: Step): Promise<void> {
  for (const name of Object.keys(process.env)) delete process.env[name]
  Object.assign(process.env, env)
  const [stdout, stderr] = [keep(process.stdout), keep(process.stderr)]
  const code = await runProgram(args)
  const ended = { code, stdout: stdout.end(), stderr: stderr.end() }
  // Each run listens for these, and an ended process would hear them no more.
  for (const signal of ['SIGINT', 'SIGTERM']) process.removeAllListeners(signal)
  process.send!(ended)
}

/** What is written to the stream from now on, kept until `end`. */
function keep(stream: NodeJS.WriteStream): { end(): string } {
  const write = stream.write
  let kept = ''
  stream.write = ((text: string | Uint8Array) => {
    kept += String(text)
    return true
  }) as typeof write
  return {
    end() {
      stream.write = write
      return kept
    },
  }
}
