/**
 * Checks what the compiler and the linter cannot: who may import whom, that core and client stay free of a
 * platform, of ambient clocks and of chance, and that files and folders keep to the house style.
 *
 * Run as `node tools/layers.ts [ROOT]`; prints one line per finding and exits with 1 when one is an error.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { dirname, join, posix } from 'node:path'
import { importsOf, lineAt, readSource, type Source } from './source.ts'

export interface Finding {
  readonly severity: 'error' | 'warning'
  readonly file: string
  /** From 1; 0 when the finding is about the whole file. */
  readonly line: number
  readonly message: string
}

/** What each workspace may import besides itself. `sim` stands above all. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: [],
  client: ['core'],
  server: ['core'],
  cli: ['core', 'client'],
  web: ['core', 'client'],
  sim: ['core', 'client', 'server', 'cli'],
  bench: ['core', 'client', 'server', 'cli', 'engines'],
  'tools/engines': [],
}

const PACKAGES: Readonly<Record<string, string>> = {
  '@pileus/core': 'core',
  '@pileus/client': 'client',
  '@pileus/server': 'server',
  '@pileus/sim': 'sim',
  '@pileus/bench': 'bench',
  '@pileus/engines': 'engines',
  pileus: 'cli',
}

/** Workspaces that also run in a browser. */
const ISOMORPHIC = ['core', 'client']
const PLATFORM_FILE = /^(node|browser|opfs)(-[a-z0-9-]+)?\.ts$/
const NODE_ONLY_PACKAGES = ['undici', 'ws', 'fastify', 'pino', '@parcel/watcher', '@napi-rs/keyring']

/** Files outside the platform files that may use the ambient names below, and why. */
const AMBIENT_ALLOWED: Readonly<Record<string, string>> = {}

const AMBIENT =
  /\bDate\.now\b|\bnew Date\(\s*\)|\bDate\(\s*\)|\bMath\.random\b|\bperformance\.now\b|\bset(?:Timeout|Interval|Immediate)\b|\brandomUUID\b|\bgetRandomValues\b|\brandomBytes\b|\bAbortSignal\.timeout\b|\bprocess\.hrtime\b/g

const FORBIDDEN_FOLDERS = ['utils', 'util', 'helpers', 'common', 'shared', 'types', 'misc', 'lib']
const LONG_FILE_LINES = 400
const TOO_LONG_FILE_LINES = 500
const MACHINE_PATH = /(?:^|[\s"'`(=:])\/(?:work|root)\//
const TEXT_FILE = /\.(ts|tsx|mjs|cjs|js|json|md|ya?ml|toml|html|css|sh|txt)$|^[^.]+$/

/** Every finding in these files. `read` gives the text of one, by its path from the root with '/'. */
export function checkFiles(files: readonly string[], read: (file: string) => string): Finding[] {
  const findings: Finding[] = []
  for (const file of files) {
    if (file === 'package-lock.json' || !TEXT_FILE.test(posix.basename(file))) continue
    const text = read(file)
    findings.push(...checkText(file, text))
    if (/\.(ts|tsx|mts)$/.test(file)) findings.push(...checkSource(file, text))
    if (file === 'package.json') findings.push(...checkWorkspaces(text))
  }
  if (files.includes('package-lock.json')) findings.push(...checkLock(read('package-lock.json')))
  return findings
}

function checkText(file: string, text: string): Finding[] {
  const findings: Finding[] = []
  const folder = posix
    .dirname(file)
    .split('/')
    .find((part) => FORBIDDEN_FOLDERS.includes(part))
  if (folder !== undefined && /^[^/]+\/src\//.test(file)) {
    findings.push(error(file, 0, `folder "${folder}" says nothing: name it after what it holds`))
  }
  if (file.startsWith('tools/layers.')) return findings // names the paths it looks for
  const lines = text.split('\n')
  lines.forEach((line, index) => {
    if (MACHINE_PATH.test(line))
      findings.push(error(file, index + 1, 'a path of one machine; make it relative'))
  })
  return findings
}

function checkSource(file: string, text: string): Finding[] {
  const findings: Finding[] = []
  const source = readSource(text)
  const isTest = /\.(test|contract)\.tsx?$/.test(file)
  const lines = text.split('\n').length
  if (lines > LONG_FILE_LINES) {
    const report = lines > TOO_LONG_FILE_LINES ? error : warning
    findings.push(report(file, 0, `${lines} lines: split it (about ${LONG_FILE_LINES} is the measure)`))
  }
  if (/(^|\/)index\.tsx?$/.test(file))
    findings.push(error(file, 0, 'a barrel file: import from the file itself'))
  for (const found of importsOf(source)) {
    const message = importProblem(file, found.specifier, isTest)
    if (message !== null) findings.push(error(file, found.line, message))
  }
  if (!isTest && mustNotUseAmbient(file)) findings.push(...ambientUses(file, source))
  return findings
}

function importProblem(file: string, specifier: string, isTest: boolean): string | null {
  const [workspace = ''] = file.split('/')
  const allowed = MAY_IMPORT[workspace]
  if (specifier.startsWith('.')) {
    const target = posix.join(posix.dirname(file), specifier).split('/')[0]!
    const inside = target === workspace || allowed === undefined
    return inside ? null : `leaves its package: write the import of "${specifier}" by package name`
  }
  const packageName = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
  const target = PACKAGES[packageName]
  if (target !== undefined) {
    if (allowed === undefined || allowed.includes(target) || target === workspace) return null
    // The launchers of real engines.
    if (isTest && target === 'engines') return null
    return `${workspace} must not import ${target} ("${specifier}")`
  }
  if (isTest || !ISOMORPHIC.includes(workspace) || PLATFORM_FILE.test(posix.basename(file))) return null
  if (isBuiltin(specifier) || NODE_ONLY_PACKAGES.includes(packageName)) {
    return `"${specifier}" exists on one platform only: import it from a file named node.ts or node-….ts`
  }
  return null
}

function mustNotUseAmbient(file: string): boolean {
  if (file in AMBIENT_ALLOWED) return false
  if (file.startsWith('server/src/rules/')) return true
  if (PLATFORM_FILE.test(posix.basename(file))) return false
  return ISOMORPHIC.some((workspace) => file.startsWith(`${workspace}/src/`))
}

function ambientUses(file: string, source: Source): Finding[] {
  return [...source.bare.matchAll(AMBIENT)].map((match) =>
    error(
      file,
      lineAt(source.bare, match.index),
      `${match[0].trim()} is ambient: take the clock, timer or Random as an argument`,
    ),
  )
}

/** Every workspace stands in the table above, so that none escapes the check. */
function checkWorkspaces(text: string): Finding[] {
  const { workspaces = [] } = JSON.parse(text) as { workspaces?: string[] }
  return workspaces
    .filter((name) => !(name in MAY_IMPORT))
    .map((name) => error('package.json', 0, `workspace "${name}" has no place in tools/layers.ts`))
}

interface LockEntry {
  readonly resolved?: string
  readonly link?: boolean
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

/** npm forgets optional packages of other platforms, then refuses its own lock file; and no registry is named. */
function checkLock(text: string): Finding[] {
  const { packages } = JSON.parse(text) as { packages: Record<string, LockEntry> }
  const findings: Finding[] = []
  for (const [path, entry] of Object.entries(packages)) {
    if (entry.resolved?.includes('://')) {
      findings.push(
        error('package-lock.json', 0, `${path} names a registry: set omit-lockfile-registry-resolved`),
      )
    }
    for (const name of Object.keys(entry.optionalDependencies ?? {})) {
      if (`node_modules/${name}` in packages || `${path}/node_modules/${name}` in packages) continue
      findings.push(
        error('package-lock.json', 0, `${name}, optional for ${path}, is missing: npm ci would refuse`),
      )
    }
  }
  return findings
}

function error(file: string, line: number, message: string): Finding {
  return { severity: 'error', file, line, message }
}

function warning(file: string, line: number, message: string): Finding {
  return { severity: 'warning', file, line, message }
}

/** The files git keeps or would keep, by their path from `root`. */
function filesUnder(root: string): string[] {
  const options = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--deduplicate']
  return execFileSync('git', options, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26 })
    .split('\0')
    .filter((file) => file !== '')
}

function main(root: string): void {
  const texts = new Map<string, string>()
  const files = filesUnder(root).filter((file) => {
    try {
      texts.set(file, readFileSync(join(root, file), 'utf8'))
      return true
    } catch {
      return false // deleted, not yet committed; or a link
    }
  })
  const findings = checkFiles(files, (file) => texts.get(file)!)
  for (const { severity, file, line, message } of findings) {
    console.log(`${severity} ${file}${line > 0 ? `:${line}` : ''}  ${message}`)
  }
  const errors = findings.filter((finding) => finding.severity === 'error').length
  console.log(`layers: ${files.length} files, ${errors} errors, ${findings.length - errors} warnings`)
  if (errors > 0) process.exitCode = 1
}

if (import.meta.main) {
  main(process.argv[2] ?? dirname(import.meta.dirname))
}
