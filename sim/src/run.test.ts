/** The simulator in processes of its own, as the command runs it, because it loads the product with stand-ins. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { BUGS } from '../mutations/bugs.ts'

const SEEDS = Number(process.env.PILEUS_SIM_SEEDS ?? 200)
const FROM = Number(process.env.PILEUS_SIM_FROM ?? 1)
const QUICKLY_FOUND = [
  'tombstone-dropped',
  'deletion-beats-edit',
  'alone-always',
  'no-conflict-copy',
  'vector-entry-dropped',
]
const MAIN = fileURLToPath(new URL('main.ts', import.meta.url))

/** What the command prints; rejects with it when the command fails. */
async function sim(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [MAIN, ...args], { maxBuffer: 1 << 26 })
  return stdout
}

describe('the whole system', () => {
  it(`converges and loses nothing in ${SEEDS} seeds`, async () => {
    const said = await sim('--seeds', `${SEEDS}`, '--from', `${FROM}`, '--jobs', '1')
    expect(said).toContain('none failed')
  }, 600_000)

  it('does the same again for the same seed', async () => {
    const traces = await Promise.all([sim('--replay', '42'), sim('--replay', '42')])
    const [first, second] = traces.map((said) => /^trace ([0-9a-f]{64})$/m.exec(said)?.[1])
    expect(first).toBeDefined()
    expect(second).toBe(first)
  }, 120_000)

  it('found that a long file moved here and deleted there made a record that nobody could read', async () => {
    const said = await sim('--story', 'long-file-moved-and-deleted')
    expect(said).toContain('device-1: write 7617 bytes to')
    expect(said).toMatch(/device-1: move .* to "Foo"/)
    expect(said).toContain('all as promised')
  }, 120_000)

  it('found that what was held stood for ever in a folder that had become one with another of its name', async () => {
    const said = await sim('--story', 'held-in-a-folder-that-became-another')
    expect(said).toMatch(/sync pushed \d+, pulled 0, applied \d+, held 2\d/)
    expect(said).toContain('all as promised')
  }, 120_000)

  it('found that names stayed conflict names when one of two folders that had become one went elsewhere', async () => {
    const said = await sim('--story', 'one-of-two-folders-goes-elsewhere')
    expect(said).toMatch(/move "many 2" to "café.txt"; device-1: move "many 2" to "Ångstrom"/)
    expect(said).toContain('all as promised')
  }, 120_000)

  it('found that an edit was dropped while what it was made from was given back to a server that had lost it', async () => {
    const said = await sim('--story', 'edit-while-what-it-was-made-from-is-given-back')
    expect(said).toMatch(/the server is set back .*\n.* device-2: edit "pictures"/)
    expect(said).toContain('all as promised')
  }, 120_000)

  it('found that a renamed file that waited named chunks of an earlier key, which the server had lost', async () => {
    const said = await sim('--story', 'renamed-file-lost-under-an-earlier-key')
    expect(said).toMatch(/the server is set back .*\n.* removes device-1 from the account/)
    expect(said).toContain('all as promised')
  }, 120_000)

  it.each(BUGS.map((bug) => [bug.name, bug] as const))(
    'can plant %s: what it changes stands there once',
    (_, bug) => {
      for (const { file, find } of bug.replacements) {
        const source = readFileSync(fileURLToPath(new URL(`../../${file}`, import.meta.url)), 'utf8')
        expect(source.split(find)).toHaveLength(2)
      }
    },
  )

  it('finds bugs that are planted', async () => {
    const said = await sim('--mutations', '--jobs', '1', ...QUICKLY_FOUND)
    expect(said).toContain(`all ${QUICKLY_FOUND.length} were found`)
  }, 300_000)
})
