import { describe, expect, it } from 'vitest'
import { conflictName } from '../tree/names.ts'
import { type Policy, policyFor } from './policy.ts'

const TABLE: Record<Policy, string[]> = {
  text: [
    'notes.txt',
    'README.md',
    'a.b.json',
    'Makefile',
    'Dockerfile',
    '.gitignore',
    'x.SVG',
    'main.TS',
    'a.Py',
    '.env',
  ],
  photo: ['IMG_1.JPG', 'a.heic', 'raw.CR2', 'clip.mov', 'p.webp'],
  document: ['Report.docx', 'sheet.XLSX', 'talk.odp', 'a.pdf', 'deck.key'],
  other: [
    'a.zip',
    'data',
    'a.sqlite',
    'a.txt.bak',
    '.bashrc',
    'a.',
    'x.conflict',
    'archive.tar.gz',
    'a. md',
    'constructor',
    'a.__proto__',
  ],
}

describe('policyFor (MERGE-6)', () => {
  it.each(Object.entries(TABLE))('says %s of %j', (policy, names) => {
    expect(names.map((name) => [name, policyFor(name)])).toEqual(names.map((name) => [name, policy]))
  })

  it('says the same of a conflict copy as of what it is a copy of', () => {
    for (const names of Object.values(TABLE)) {
      for (const name of names.filter((one) => /.\./.test(one))) {
        expect(policyFor(conflictName(name, 'X', '2026-02-28'))).toBe(policyFor(name))
      }
    }
  })
})
