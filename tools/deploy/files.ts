/** The files of deploy/, read and parsed. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'

export const ROOT = join(import.meta.dirname, '../..')
export const DEPLOY = join(ROOT, 'deploy')

export function text(path: string): string {
  return readFileSync(join(DEPLOY, path), 'utf8')
}

/** Every document of a YAML file. Throws at a mistake, a key that stands twice included. */
export function yamlDocuments<T>(path: string): T[] {
  const documents = parseAllDocuments(text(path), { merge: true, strict: true, uniqueKeys: true })
  return documents.map((document) => {
    const [mistake] = [...document.errors, ...document.warnings]
    if (mistake) throw mistake
    return document.toJS() as T
  })
}

export function yamlDocument<T>(path: string): T {
  const [first, ...more] = yamlDocuments<T>(path)
  if (first === undefined || more.length > 0) throw new Error(`${path} is not one document`)
  return first
}

/** The options that Node is given by the first line of the server's program. */
export function nodeOptions(): string[] {
  const [first = ''] = readFileSync(join(ROOT, 'server/bin/pileus-server.mjs'), 'utf8').split('\n')
  return first.split(' ').filter((word) => word.startsWith('--'))
}

/** The server's version, which its image carries. */
export function serverVersion(): string {
  return JSON.parse(readFileSync(join(ROOT, 'server/package.json'), 'utf8')).version
}

/** NAME=value lines as an object; lines that begin with # are comments. */
export function assignments(lines: string): Record<string, string> {
  const pairs = lines
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => /^([A-Z0-9_]+)=(.*)$/.exec(line)?.slice(1) ?? [line, 'no assignment'])
  return Object.fromEntries(pairs)
}
