import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Home, openHome } from './home.ts'
import {
  folderToLink,
  forgetLinkedFolder,
  readLinkedFolder,
  requireLinkedFolder,
  writeLinkedFolder,
} from './linked-folder.ts'

let root: string
let home: Home
let other: Home
const stateHome = process.env.XDG_STATE_HOME
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'pileus-folder-')))
  process.env.XDG_STATE_HOME = join(root, 'state')
  home = openHome(join(root, 'home'))
  other = openHome(join(root, 'other-home'))
})
afterEach(() => {
  if (stateHome === undefined) delete process.env.XDG_STATE_HOME
  else process.env.XDG_STATE_HOME = stateHome
  rmSync(root, { recursive: true })
})

function folder(name: string): string {
  mkdirSync(join(root, name), { recursive: true })
  return join(root, name)
}

function linked(name: string) {
  return { folder: folder(name), work: join(root, 'work'), zone: '00'.repeat(32), caseInsensitive: false }
}

test('a file that names no zone, or lacks a field, is damaged: it is not half believed', () => {
  const whole = { format: 1, ...linked('folder') }
  const wrong = [
    { ...whole, zone: '00' },
    { ...whole, work: undefined },
    { ...whole, caseInsensitive: 0 },
    null,
  ]
  for (const value of wrong) {
    home.write('folder.json', JSON.stringify(value))
    expect(() => readLinkedFolder(home)).toThrow(/is damaged: remove it and run `pileus link`/)
  }
  home.write('folder.json', JSON.stringify(whole))
  expect(readLinkedFolder(home)).toEqual(whole)
})

test('a folder is created when only its last part is missing', () => {
  expect(folderToLink(home, join(root, 'new'))).toEqual({ folder: join(root, 'new'), created: true })
  expect(() => folderToLink(home, join(root, 'a/b'))).toThrow('there is no folder')
})

test('a symbolic link to a folder is followed once, at linking', () => {
  symlinkSync(folder('real'), join(root, 'link'))
  expect(folderToLink(home, join(root, 'link')).folder).toBe(join(root, 'real'))
})

test('a file cannot be linked', () => {
  writeFileSync(join(root, 'file'), '')
  expect(() => folderToLink(home, join(root, 'file'))).toThrow('it is not a folder')
})

test('the folder and this device’s state stay apart', () => {
  home.write('x', '')
  expect(() => folderToLink(home, root)).toThrow("device's own state")
  expect(() => folderToLink(home, folder('home/sub'))).toThrow("device's own state")
})

test('a folder with the data of a server, or below it, is refused, and nothing is made there', () => {
  for (const name of ['opaque-setup', 'lock']) writeFileSync(join(folder('clone/data'), name), '')
  folder('clone/data/blobs')
  const said = (path: string, how: string) =>
    expect(() => folderToLink(home, join(root, path))).toThrow(
      new RegExp(
        `: ${how} where a Pileus server keeps its data, .*or move the data out of it and set PILEUS_DATA`,
      ),
    )
  said('clone', `it contains "${root}/clone/data",`)
  said('clone/data', 'it is')
  said('clone/data/blobs', `it lies in "${root}/clone/data",`)
  said('clone/data/new', `it lies in "${root}/clone/data",`)
  expect(existsSync(join(root, 'clone/data/new'))).toBe(false)
  expect(folderToLink(home, folder('clone-too')).folder).toBe(join(root, 'clone-too'))
})

test('so is one with the state of another device, and one of those files alone is no state', () => {
  writeFileSync(join(folder('all/.pileus-desk'), 'account.json'), '{}')
  expect(folderToLink(home, join(root, 'all')).folder).toBe(join(root, 'all'))
  writeFileSync(join(root, 'all/.pileus-desk/keys.json'), '{}')
  expect(() => folderToLink(home, join(root, 'all'))).toThrow('where a device of Pileus keeps its state')
})

test('a symbolic link to the data of a server holds none of it', () => {
  for (const name of ['opaque-setup', 'lock']) writeFileSync(join(folder('data'), name), '')
  symlinkSync(join(root, 'data'), join(folder('tree'), 'data'))
  expect(folderToLink(home, join(root, 'tree')).folder).toBe(join(root, 'tree'))
})

test('two homes cannot sync one folder, nor one inside the other', () => {
  writeLinkedFolder(other, linked('tree/inner'))
  expect(() => folderToLink(home, folder('tree/inner'))).toThrow('is the synced folder of')
  expect(() => folderToLink(home, folder('tree/inner/deep'))).toThrow('lies inside the synced folder of')
  expect(() => folderToLink(home, folder('tree'))).toThrow('contains the synced folder of')
  expect(folderToLink(home, folder('tree/inner-too')).folder).toBe(join(root, 'tree/inner-too'))
  expect(folderToLink(other, folder('tree/inner')).folder).toBe(join(root, 'tree/inner'))
})

test('a home that is gone or unlinked claims nothing', () => {
  writeLinkedFolder(other, linked('tree'))
  rmSync(other.path, { recursive: true })
  expect(folderToLink(home, folder('tree/sub')).folder).toBe(join(root, 'tree/sub'))
  writeLinkedFolder(other, linked('tree'))
  forgetLinkedFolder(other, join(root, 'tree'))
  expect(folderToLink(home, folder('tree/sub')).folder).toBe(join(root, 'tree/sub'))
})

test('a folder inside one that bears a marker is refused, whoever linked it', () => {
  writeFileSync(join(folder('marked'), '.pileus'), 'This folder is synced by Pileus. …\nzone 00\n')
  expect(() => folderToLink(home, join(folder('marked/a'), 'new'))).toThrow('lies inside the synced folder')
  expect(existsSync(join(root, 'marked/a/new'))).toBe(false)
  expect(() => folderToLink(home, folder('marked/a/b'))).toThrow('lies inside the synced folder')
})

test('the link is remembered until it is forgotten', () => {
  expect(() => requireLinkedFolder(home)).toThrow('No folder is linked')
  writeLinkedFolder(home, linked('tree'))
  expect(readLinkedFolder(home)?.folder).toBe(join(root, 'tree'))
  forgetLinkedFolder(home, join(root, 'tree'))
  expect(readLinkedFolder(home)).toBeNull()
})

test('an empty name, as an unset variable gives, is not the folder one stands in', () => {
  expect(() => folderToLink(home, '')).toThrow(/Cannot link a folder without a name/)
})

test('a folder inside a file cannot be made, and that is said in words', () => {
  writeFileSync(join(root, 'file'), '')
  expect(() => folderToLink(home, join(root, 'file', 'folder'))).toThrow(
    /it would lie in is not a folder; choose another/,
  )
})
