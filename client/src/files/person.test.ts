import { expect, test } from 'vitest'
import { memoryFiles } from './memory.ts'
import { personAt } from './person.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

test('a person edits as programs do, and sees what is there', () => {
  let now = 1_000
  const files = memoryFiles({ clock: () => now++ })
  files.failAfter(1)
  const person = personAt(files)
  person.write('a/b/notes', bytes('one'))
  const inode = files.folder.stat('a/b/notes')?.identity
  person.append('a/b/notes', bytes(', two'))
  expect(files.folder.stat('a/b/notes')?.identity).toBe(inode)
  person.save('a/b/notes', bytes('three'))
  expect(files.folder.stat('a/b/notes')?.identity).not.toBe(inode)
  person.makeLink('link', 'a/b')
  person.move('a/b', 'c/d')
  person.remove('a')
  person.remove('nothing')
  files.crash('none')
  const tree = person.tree()
  expect([...tree.keys()]).toEqual(['c', 'c/d', 'c/d/notes', 'link'])
  expect(tree.get('c/d/notes')).toMatchObject({ type: 'file', content: bytes('three') })
  expect(tree.get('link')).toMatchObject({ type: 'link', target: 'a/b' })
})

test('whoever looks at every moment sees a replaced file whole and never absent (R13)', () => {
  const seen: (string | null)[] = []
  const files = memoryFiles({
    clock: () => 0,
    observe: () => {
      const there = files.folder.stat('a') !== null
      seen.push(there ? new TextDecoder().decode(personAt(files).read('a')) : null)
    },
  })
  const person = personAt(files)
  person.write('a', bytes('old'))
  seen.length = 0
  person.save('a', bytes('new'))
  expect(new Set(seen)).toEqual(new Set(['old', 'new']))
})
