/** The `pileus` command. Kept tiny: whatever a command needs is loaded when the command runs. */
import { runProgram } from './program.ts'

// Whoever read our output has seen enough (`pileus ls | head`): that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit()
  throw error
})

process.exitCode = await runProgram(process.argv.slice(2))
