#!/usr/bin/env node
/** The `pileus` command. Kept tiny: whatever a command needs is loaded when the command runs. */
import { enableCompileCache } from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'

// In the person's own cache: the default lies in a folder that every user of the machine can write to.
enableCompileCache(join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'pileus'))

const { runProgram } = await import('./program.ts')
process.exitCode = await runProgram(process.argv.slice(2))
