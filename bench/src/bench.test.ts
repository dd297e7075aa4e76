/** The runner itself, on a workload so small that it only shows that everything is started, timed and compared. */
import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, expect, it } from 'vitest'

const MAIN = join(import.meta.dirname, 'main.ts')
const folder = mkdtempSync(join(tmpdir(), 'pileus-bench-test-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

it('a tiny run with real processes prints a table and leaves nothing behind', async () => {
  const sizes = ['--quick', '--small-files', '20']
  const args = [MAIN, ...sizes, '--only', 'many-files', '--peers', 'rsync', '--folder', folder]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  expect(stdout).toMatch(/### 20 files of 15\.5 kB in 100 folders/)
  expect(stdout).toMatch(
    /\| \*\*Pileus\*\* \| [\d.]+ s \| .*A .*, B .*, server .* A [\d.]+ MB, B [\d.]+ MB, server [\d.]+ MB \|/,
  )
  // Peers are never needed: one that is missing is said to be missing.
  expect(stdout).toMatch(/\| rsync \| [\d.]+ s|rsync was not measured: it is not installed/)
  expect(readdirSync(folder)).toEqual([])
  // On a machine that does other things too.
}, 240_000)

it('a question that does not exist is refused with those that do', async () => {
  const asked = promisify(execFile)(process.execPath, [MAIN, '--only', 'nothing'])
  await expect(asked).rejects.toThrow(/there is no question "nothing": ask for large-file, many-files/)
})
