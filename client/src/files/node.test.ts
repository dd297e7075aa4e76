import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { filesContract } from './files.contract.ts'
import { FileError } from './files.ts'
import { nodeFiles } from './node.ts'

const base = mkdtempSync(join(tmpdir(), 'pileus-files-'))
afterAll(() => rmSync(base, { recursive: true, force: true }))
let made = 0

function fresh(): { folder: string; work: string } {
  const top = join(base, String(made++))
  mkdirSync(join(top, 'folder'), { recursive: true })
  return { folder: join(top, 'folder'), work: join(top, 'work') }
}

describe('files on a real disk', () => {
  filesContract(() => nodeFiles(fresh()))

  it('says that a folder is missing, not that it is empty (R11)', () => {
    const places = fresh()
    const files = nodeFiles(places)
    rmSync(places.folder, { recursive: true })
    expect(files.folder.stat('')).toBe(null)
    expect(() => files.folder.list('')).toThrow(FileError)
  })

  it('lists names that are not UTF-8 apart, and does not mistake a real U+FFFD for one', () => {
    const places = fresh()
    const raw = Buffer.concat([Buffer.from(`${places.folder}/`), Buffer.from([0x66, 0xff])])
    writeFileSync(raw, '')
    writeFileSync(join(places.folder, 'really\ufffd'), '')
    writeFileSync(join(places.folder, 'plain'), '')
    const listed = nodeFiles(places).folder.list('')
    expect(listed.names.sort()).toEqual(['plain', 'really\ufffd'])
    expect(listed.undecodable).toEqual(['f\ufffd'])
  })

  it('is not held up by a named pipe', () => {
    const places = fresh()
    execFileSync('mkfifo', [join(places.folder, 'pipe')])
    const files = nodeFiles(places)
    expect(files.folder.stat('pipe')?.type).toBe('other')
    expect(() => files.folder.read('pipe')).toThrow('it is not a regular file')
  })

  it('works in a folder that is itself named through a link', () => {
    const places = fresh()
    symlinkSync(places.folder, `${places.folder}-link`)
    const files = nodeFiles({ ...places, folder: `${places.folder}-link` })
    files.folder.makeDirectory('d')
    expect(files.folder.list('').names).toEqual(['d'])
    expect(files.folder.stat('')?.type).toBe('folder')
  })

  it.skipIf(process.getuid?.() === 0)('says who refused', () => {
    const places = fresh()
    chmodSync(places.folder, 0o500)
    expect(() => nodeFiles(places).folder.makeDirectory('d')).toThrow('permission denied')
    chmodSync(places.folder, 0o700)
  })

  it('tells a different file under a used inode number apart', () => {
    const files = nodeFiles(fresh())
    files.folder.create('a').close()
    const before = files.folder.stat('a')?.identity
    files.folder.removeFile('a')
    files.folder.create('a').close()
    expect(files.folder.stat('a')?.identity).not.toBe(before)
  })
})
