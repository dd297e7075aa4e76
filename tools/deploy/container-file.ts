/** Carries out a container file in a folder, as far as that is possible without an engine: what it copies, installs and runs. */
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { dirname, join, matchesGlob, relative } from 'node:path'
import { DockerfileParser, ModifiableInstruction } from 'dockerfile-ast'
import { ROOT, text } from './files.ts'

export interface Instruction {
  readonly keyword: string
  readonly words: readonly string[]
  readonly flags: readonly string[]
  /** All of it after the keyword. */
  readonly line: string
}

export interface Stage {
  readonly image: string
  readonly name: string | null
  readonly instructions: readonly Instruction[]
}

const IGNORED = text('container/Containerfile.dockerignore')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))

export function stages(): Stage[] {
  const found: { image: string; name: string | null; instructions: Instruction[] }[] = []
  for (const one of DockerfileParser.parse(text('container/Containerfile')).getInstructions()) {
    const words = one.getArguments().map((argument) => argument.getValue())
    const keyword = one.getKeyword()
    if (keyword === 'FROM') found.push({ image: words[0]!, name: words[2] ?? null, instructions: [] })
    else {
      const flags = one instanceof ModifiableInstruction ? one.getFlags().map(String) : []
      found.at(-1)!.instructions.push({ keyword, flags, words, line: one.getArgumentsContent() ?? '' })
    }
  }
  return found
}

/** What the builder would not be sent: the last pattern that fits a path or a folder above it decides. */
function isIgnored(path: string): boolean {
  const parts = path.split('/')
  const above = parts.map((_part, index) => parts.slice(0, index + 1).join('/'))
  let ignored = false
  for (const line of IGNORED) {
    const pattern = line.replace(/^!/, '')
    if (above.some((one) => matchesGlob(one, pattern))) ignored = !line.startsWith('!')
  }
  return ignored
}

/** COPY from the build context. */
export function copyIn(folder: string, sources: readonly string[], target: string): void {
  for (const source of sources) {
    const from = join(ROOT, source)
    const files = statSync(from).isDirectory() ? filesIn(from) : [from]
    for (const file of files) {
      if (isIgnored(relative(ROOT, file))) continue
      const inside = statSync(from).isDirectory() ? relative(from, file) : relative(dirname(from), file)
      const to = join(folder, target, inside)
      mkdirSync(dirname(to), { recursive: true })
      copyFileSync(file, to)
    }
  }
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.name === 'node_modules') return []
    return entry.isDirectory() ? filesIn(path) : [path]
  })
}

/** RUN, with the Node that runs this in front of the others. */
export function run(folder: string, command: string): void {
  const path = `${dirname(process.execPath)}:${process.env.PATH}`
  execFileSync('sh', ['-ec', command], { cwd: folder, env: { ...process.env, PATH: path }, stdio: 'pipe' })
}
