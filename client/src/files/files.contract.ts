/** What every Files engine promises. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { FileError, type FileErrorCode, type Files, type Location } from './files.ts'

const inFolder = (path: string): Location => ({ area: 'folder', path })
const inWork = (path: string): Location => ({ area: 'work', path })
const text = (content: string): Uint8Array => new TextEncoder().encode(content)

/** Creates a file with this content. */
export function write(files: Files, path: string, content: string, area: Location['area'] = 'folder'): void {
  const writer = files[area].create(path)
  writer.write(text(content))
  writer.close()
}

/** The content of a file, read in small pieces. */
export function read(files: Files, path: string, area: Location['area'] = 'folder'): string {
  const reader = files[area].read(path)
  const parts: number[] = []
  const piece = new Uint8Array(3)
  for (let got = reader.read(piece, 0); got > 0; got = reader.read(piece, parts.length)) {
    parts.push(...piece.subarray(0, got))
  }
  reader.close()
  return new TextDecoder().decode(new Uint8Array(parts))
}

function refuses(code: FileErrorCode, act: () => unknown): void {
  let error: unknown
  try {
    act()
  } catch (caught) {
    error = caught
  }
  expect(error).toBeInstanceOf(FileError)
  expect((error as FileError).code).toBe(code)
}

/** Runs the suite on engines that `make` makes, each with an empty folder and working area. */
export function filesContract(make: () => Files): void {
  it('reads back what was written, and says what it is', () => {
    const files = make()
    write(files, 'a', 'hello world')
    expect(read(files, 'a')).toBe('hello world')
    expect(files.folder.stat('a')).toMatchObject({ type: 'file', size: 11, executable: false, links: 1 })
    expect(files.folder.stat('')).toMatchObject({ type: 'folder' })
    expect(files.folder.stat('b')).toBe(null)
    expect(files.folder.stat('a/b')).toBe(null)
  })

  it('writes one after another, from any memory', () => {
    const files = make()
    const writer = files.work.create('a')
    const parts = [1, 2, 3].map((fill) => new Uint8Array(new SharedArrayBuffer(300_000 * fill)).fill(fill))
    for (const part of parts) writer.write(part)
    writer.write(text('end'))
    writer.close()
    const content = new Uint8Array(1_800_004)
    const reader = files.work.read('a')
    expect(reader.read(content, 0)).toBe(1_800_003)
    reader.close()
    expect(Buffer.compare(content, Buffer.concat([...parts, text('end'), Uint8Array.of(0)]))).toBe(0)
  })

  it('lists folders', () => {
    const files = make()
    files.folder.makeDirectory('d')
    files.folder.makeLink('l', 'nowhere')
    write(files, 'd/x\n"\u{1f600}', '')
    expect(files.folder.list('').names.sort()).toEqual(['d', 'l'])
    expect(files.folder.list('d')).toEqual({ names: ['x\n"\u{1f600}'], undecodable: [] })
    refuses('not-found', () => files.folder.list('e'))
    refuses('not-directory', () => files.folder.list('l'))
  })

  it('creates only what is not there', () => {
    const files = make()
    write(files, 'a', 'old')
    refuses('exists', () => files.folder.create('a'))
    refuses('exists', () => files.folder.makeDirectory('a'))
    refuses('exists', () => files.folder.makeLink('a', 'b'))
    refuses('not-found', () => files.folder.create('no/a'))
    refuses('not-directory', () => files.folder.create('a/a'))
    refuses('name-too-long', () => files.folder.create('n'.repeat(256)))
    expect(read(files, 'a')).toBe('old')
  })

  it('removes files and links, and only empty folders', () => {
    const files = make()
    files.folder.makeDirectory('d')
    write(files, 'd/a', '')
    refuses('not-empty', () => files.folder.removeDirectory('d'))
    refuses('is-directory', () => files.folder.removeFile('d'))
    refuses('not-directory', () => files.folder.removeDirectory('d/a'))
    refuses('not-found', () => files.folder.removeFile('d/b'))
    files.folder.makeLink('d/l', '..')
    files.folder.removeFile('d/l')
    files.folder.removeFile('d/a')
    files.folder.removeDirectory('d')
    expect(files.folder.list('').names).toEqual([])
  })

  it('follows no link: not at the end, not on the way (R13, "nothing is written through a symlink")', () => {
    const files = make()
    files.folder.makeDirectory('d')
    write(files, 'd/a', 'inside')
    files.folder.makeLink('l', 'd')
    files.folder.makeLink('f', 'd/a')
    expect(files.folder.stat('l')).toMatchObject({ type: 'link', size: 1 })
    expect(files.folder.readLink('l')).toBe('d')
    refuses('not-file', () => files.folder.read('f'))
    refuses('not-file', () => files.folder.setExecutable('f', true))
    refuses('not-directory', () => files.folder.read('l/a'))
    refuses('not-directory', () => files.folder.list('l/'.slice(0, 1)))
    refuses('not-directory', () => files.folder.create('l/b'))
    refuses('not-directory', () => files.folder.makeDirectory('l/b'))
    refuses('not-directory', () => files.folder.makeLink('l/b', 'x'))
    refuses('not-directory', () => files.folder.removeFile('l/a'))
    refuses('not-directory', () => files.folder.setModified('l/a', 0))
    refuses('not-directory', () => files.transfer('rename', inFolder('l/a'), inWork('a')))
    refuses('not-directory', () => files.transfer('rename', inFolder('f'), inFolder('l/f')))
    refuses('not-directory', () => files.transfer('link', inFolder('d/a'), inFolder('l/f')))
    expect(read(files, 'd/a')).toBe('inside')
    refuses('is-directory', () => files.folder.read('d'))
  })

  it('renames between areas, replacing files and links in one step', () => {
    const files = make()
    write(files, 'new', 'new', 'work')
    write(files, 'a', 'old')
    const identity = files.work.stat('new')?.identity
    files.transfer('rename', inWork('new'), inFolder('a'))
    expect(read(files, 'a')).toBe('new')
    expect(files.work.stat('new')).toBe(null)
    expect(files.folder.stat('a')?.identity).toBe(identity)
    files.folder.makeLink('l', 'x')
    files.transfer('rename', inFolder('a'), inFolder('l'))
    expect(files.folder.list('').names).toEqual(['l'])
    refuses('not-found', () => files.transfer('rename', inFolder('a'), inFolder('b')))
  })

  it('never lets a rename replace a folder, or a folder replace a file', () => {
    const files = make()
    files.folder.makeDirectory('d')
    files.folder.makeDirectory('e')
    write(files, 'a', 'a')
    refuses('is-directory', () => files.transfer('rename', inFolder('a'), inFolder('d')))
    refuses('is-directory', () => files.transfer('rename', inFolder('e'), inFolder('d')))
    refuses('not-directory', () => files.transfer('rename', inFolder('d'), inFolder('a')))
    expect(files.folder.list('').names.sort()).toEqual(['a', 'd', 'e'])
  })

  it('moves a folder with all it holds, and refuses to move it into itself', () => {
    const files = make()
    files.folder.makeDirectory('d')
    files.folder.makeDirectory('d/e')
    write(files, 'd/e/a', 'deep')
    refuses('io', () => files.transfer('rename', inFolder('d'), inFolder('d/e/d')))
    files.transfer('rename', inFolder('d'), inFolder('moved'))
    expect(read(files, 'moved/e/a')).toBe('deep')
  })

  it('hard-links files, and a rename of one name over the other leaves one name', () => {
    const files = make()
    write(files, 'a', 'one')
    files.transfer('link', inFolder('a'), inWork('stash'))
    expect(files.folder.stat('a')).toMatchObject({ links: 2, identity: files.work.stat('stash')?.identity })
    refuses('exists', () => files.transfer('link', inFolder('a'), inWork('stash')))
    files.transfer('rename', inWork('stash'), inFolder('a'))
    expect(files.work.stat('stash')).toBe(null)
    expect(read(files, 'a')).toBe('one')
    expect(files.folder.stat('a')?.links).toBe(1)
    files.transfer('rename', inFolder('a'), inFolder('a'))
    expect(read(files, 'a')).toBe('one')
  })

  it('renames a name to another spelling of it (sync.md, scenario 5)', () => {
    const files = make()
    write(files, 'Foo', 'x')
    files.folder.makeDirectory('Dir')
    files.transfer('rename', inFolder('Foo'), inFolder('foo'))
    files.transfer('rename', inFolder('Dir'), inFolder('dir'))
    expect(files.folder.list('').names.sort()).toEqual(['dir', 'foo'])
  })

  it('reads the file that was opened, whatever becomes of its name', () => {
    const files = make()
    write(files, 'a', 'opened')
    const reader = files.folder.read('a')
    files.folder.removeFile('a')
    write(files, 'a', 'another')
    const into = new Uint8Array(20)
    expect(reader.read(into, 0)).toBe(6)
    expect(reader.stat().size).toBe(6)
    expect(reader.stat().identity).not.toBe(files.folder.stat('a')?.identity)
    reader.close()
  })

  it('keeps modification times to the microsecond, before 1970 too, of files, folders and links (R1)', () => {
    const files = make()
    write(files, 'a', '')
    files.folder.makeDirectory('d')
    files.folder.makeLink('l', 'a')
    const ofDisk = fc.oneof(
      fc.constantFrom(0, 1, -1, 999_999, -999_999, -1_000_000, 1_700_000_000_123_457),
      fc.integer({ min: -2_000_000_000_000_000, max: 8_000_000_000_000_000 }),
    )
    fc.assert(
      fc.property(fc.constantFrom('a', 'd', 'l'), ofDisk, (path, mtime) => {
        files.folder.setModified(path, mtime)
        expect(files.folder.stat(path)?.mtime).toBe(mtime)
      }),
      { numRuns: 300 },
    )
  })

  it('changes the signature with content, attributes and replacement, and not by itself', async () => {
    const files = make()
    write(files, 'a', 'x')
    const seen = new Set<string | undefined>()
    const look = (): void => {
      seen.add(files.folder.stat('a')?.signature)
    }
    // A disk's clock ticks every few milliseconds.
    const tick = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 12))
    look()
    look()
    expect(seen.size).toBe(1)
    await tick()
    files.folder.setExecutable('a', true)
    look()
    await tick()
    files.folder.setModified('a', 5)
    look()
    await tick()
    files.folder.removeFile('a')
    write(files, 'a', 'y')
    look()
    expect(seen.size).toBe(4)
  })

  it('sets and clears the executable bit', () => {
    const files = make()
    write(files, 'a', '')
    files.folder.setExecutable('a', true)
    expect(files.folder.stat('a')?.executable).toBe(true)
    files.folder.setExecutable('a', false)
    expect(files.folder.stat('a')?.executable).toBe(false)
  })

  it('syncs files, folders, links and missing places without a word', async () => {
    const files = make()
    write(files, 'a', 'x')
    files.folder.makeDirectory('d')
    files.folder.makeLink('l', 'a')
    const places = [inFolder(''), inFolder('a'), inFolder('d'), inFolder('l'), inFolder('gone'), inWork('')]
    files.sync(places)
    await files.syncTogether(places)
    expect(files.freeBytes()).toBeGreaterThan(0)
    expect(typeof files.caseInsensitive()).toBe('boolean')
  })
}
