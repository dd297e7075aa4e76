import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { filesContract, read, write } from './files.contract.ts'
import type { FileError, Location } from './files.ts'
import { memoryFiles } from './memory.ts'

const clock = (): number => 1_700_000_000_000
const inFolder = (path: string): Location => ({ area: 'folder', path })

describe('files in memory', () => {
  filesContract(() => memoryFiles({ clock }))

  it('forgets in a power loss what was not synced', () => {
    const files = memoryFiles({ clock })
    write(files, 'kept', 'kept')
    files.sync([inFolder('kept'), inFolder('')])
    write(files, 'lost', 'lost')
    files.folder.removeFile('kept')
    files.crash('none')
    expect(files.folder.list('').names).toEqual(['kept'])
    expect(read(files, 'kept')).toBe('kept')
  })

  it('leaves an empty file when the name was synced and the content was not', () => {
    const files = memoryFiles({ clock })
    write(files, 'a', 'content')
    files.sync([inFolder('')])
    files.crash('none')
    expect(read(files, 'a')).toBe('')
  })

  it('keeps everything when only the process ends', () => {
    const files = memoryFiles({ clock })
    write(files, 'a', 'content')
    files.crash('all')
    expect(read(files, 'a')).toBe('content')
  })

  it('makes durable with a folder the older operations its state builds on', () => {
    const files = memoryFiles({ clock })
    files.folder.makeDirectory('a')
    files.folder.makeDirectory('b')
    write(files, 'a/f', 'f')
    files.sync([inFolder(''), inFolder('a'), inFolder('a/f')])
    files.transfer('rename', inFolder('a/f'), inFolder('b/f'))
    files.sync([inFolder('b')])
    files.crash('none')
    expect(read(files, 'b/f')).toBe('f')
    expect(files.folder.stat('a/f')).toBe(null)
  })

  it('never loses a synced file to a rename, whatever part of the journal survives', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(4), fc.nat(4), fc.boolean()), { maxLength: 12 }),
        fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })),
        (moves, coins) => {
          const files = memoryFiles({ clock })
          for (let i = 0; i < 5; i++) {
            files.folder.makeDirectory(`d${i}`)
            write(files, `d${i}/f${i}`, `content ${i}`)
            files.sync([inFolder(''), inFolder(`d${i}`), inFolder(`d${i}/f${i}`)])
          }
          for (const [from, to, folder] of moves) {
            try {
              const source = folder ? find(files, `d${from}`) : find(files, `f${from}`)
              const target = find(files, `d${to}`)
              files.transfer('rename', inFolder(source), inFolder(`${target}/${folder ? 'd' : 'f'}${from}`))
            } catch (error) {
              // Into itself, or where it is: nothing to do.
              expect((error as FileError).code).toBeDefined()
            }
          }
          files.crash(() => coins.next().value)
          for (let i = 0; i < 5; i++) expect(read(files, find(files, `f${i}`))).toBe(`content ${i}`)
        },
      ),
    )
  })

  it('stops at the n-th changing call and stays stopped until the crash', () => {
    const files = memoryFiles({ clock })
    files.failAfter(2)
    files.folder.makeDirectory('one')
    expect(() => files.folder.makeDirectory('two')).toThrow('the simulated process ended')
    expect(() => files.folder.makeDirectory('three')).toThrow('the simulated process ended')
    files.crash('all')
    expect(files.folder.list('').names).toEqual(['one'])
    files.folder.makeDirectory('two')
    expect(files.changes).toBe(2)
  })

  it('fills up, vanishes and denies on demand, and still lets things be removed', () => {
    const files = memoryFiles({ clock })
    write(files, 'a', 'a')
    files.full = true
    expect(() => files.folder.create('b')).toThrow('the disk is full')
    files.folder.removeFile('a')
    files.full = false
    write(files, 'c', 'c')
    files.denied.add('c')
    expect(() => files.folder.read('c')).toThrow('permission denied')
    files.unmounted = true
    expect(files.folder.stat('')).toBe(null)
    expect(() => files.folder.list('')).toThrow('there is nothing at this path')
  })

  it('folds case when told to, as some disks do', () => {
    const files = memoryFiles({ clock, caseInsensitive: true })
    write(files, 'Foo', 'x')
    expect(files.folder.stat('fOO')?.type).toBe('file')
    expect(() => files.folder.create('foo')).toThrow('something is already there')
    files.transfer('rename', inFolder('Foo'), inFolder('foo'))
    expect(files.folder.list('').names).toEqual(['foo'])
    expect(files.folder.stat('foo')?.links).toBe(1)
  })

  it('counts what a person does neither as a call nor as unsynced', () => {
    const files = memoryFiles({ clock })
    files.failAfter(1)
    files.asPerson(() => {
      write(files, 'a', 'mine')
      files.overwrite('a', new TextEncoder().encode('mine too'))
    })
    files.crash('none')
    expect(read(files, 'a')).toBe('mine too')
  })
})

function find(files: ReturnType<typeof memoryFiles>, name: string, under = ''): string {
  for (const child of files.folder.list(under).names) {
    const path = under === '' ? child : `${under}/${child}`
    if (child === name) return path
    if (files.folder.stat(path)?.type !== 'folder') continue
    const found = find(files, name, path)
    if (found !== '') return found
  }
  return ''
}
