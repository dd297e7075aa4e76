import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { requireName } from '../records/names.ts'
import { id } from './fixtures.ts'
import {
  conflictName,
  nameKey,
  nameProblem,
  originalOfConflictName,
  recordOfCutName,
  splitExtension,
} from './names.ts'

const bytes = (text: string) => Buffer.byteLength(text)
const DAY = '2026-02-28'

/** Any name a person may give, up to the longest. */
const anyName = fc
  .oneof(
    fc.string({ unit: 'binary', minLength: 1, maxLength: 70 }),
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 120 }),
    fc
      .tuple(fc.constantFrom('l', 'é', 'e\u0301', '☀', '👩‍🚀', 'ß', 'ſ'), fc.integer({ min: 1, max: 255 }))
      .map(([c, n]) => c.repeat(n)),
    fc.constantFrom(
      'a.tar.gz',
      '.bashrc',
      'a.',
      'a..b',
      'a.b c',
      '-rf',
      'ΟΔΟΣ.txt',
      'new\nline',
      `x.${'e'.repeat(20)}`,
    ),
  )
  .filter((name) => nameProblem(name) === null)
/** Any name a device may have (REC-7). */
const anyDevice = fc.oneof(
  fc.constantFrom(
    'Laptop',
    "Ann's MacBook (work)",
    ') (',
    "x's conflicted copy 2020-01-01) (y",
    '👩‍🚀'.repeat(12),
    '☀'.repeat(64),
    '',
  ),
  fc.string({ unit: 'grapheme', maxLength: 20 }).filter((text) => !/[/\p{Cc}]/u.test(text)),
)
const anyNumber = fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 10_000_000 }))

describe('nameKey (TREE-1)', () => {
  it.each([
    ['é', 'e\u0301', true, true],
    ['Å', '\u212b', true, true],
    ['a', 'A', false, true],
    ['É', 'e\u0301', false, true],
    ['straße', 'STRASSE', false, true],
    ['straße', 'STRA\u1e9eE', false, true],
    ['ΟΔΟΣ', 'οδος', false, true],
    ['ΟΔΟΣ.txt', 'οδος.txt', false, true],
    ['ﬁ', 'FI', false, true],
    ['a', 'b', false, false],
    ['a', 'a ', false, false],
    ['1', '①', false, false],
  ])('of %j and %j: one after NFC %s, after folding %s', (a, b, composed, folded) => {
    expect(nameKey(a, false) === nameKey(b, false)).toBe(composed)
    expect(nameKey(a, true) === nameKey(b, true)).toBe(folded)
  })

  it('is its own key, and sees no difference that upper, lower case or decomposing makes', () => {
    fc.assert(
      fc.property(anyName, fc.boolean(), (name, caseInsensitive) => {
        const key = nameKey(name, caseInsensitive)
        expect(nameKey(key, caseInsensitive)).toBe(key)
        expect(nameKey(name.normalize('NFD'), caseInsensitive)).toBe(key)
      }),
    )
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 20 }), (name) => {
        expect(nameKey(name.toUpperCase(), true)).toBe(nameKey(name, true))
      }),
    )
  })

  it('is its own key for every letter there is', () => {
    for (let code = 1; code < 0x1_ffff; code++) {
      if (code >= 0xd800 && code < 0xe000) continue
      const key = nameKey(String.fromCodePoint(code), true)
      if (nameKey(key, true) !== key) expect.fail(`U+${code.toString(16)}`)
    }
  })
})

describe('nameProblem (TREE-2)', () => {
  it.each([
    ['', 'empty'],
    ['.', 'another folder'],
    ['..', 'another folder'],
    ['a/b', 'slash'],
    ['a\0', 'zero byte'],
    ['a'.repeat(256), '255 bytes'],
    ['é'.repeat(128), '255 bytes'],
    ['a\ud800', 'Unicode'],
  ])('says of %j that it is or contains: %s', (name, problem) => {
    expect(nameProblem(name)).toContain(problem)
  })

  it.each(['a', '...', '.a', ' ', '-rf', 'a\nb', '"', 'é'.repeat(127), '👩‍🚀'])(
    'has nothing against %j',
    (name) => {
      expect(nameProblem(name)).toBeNull()
    },
  )

  it('agrees with what records refuse (REC-7)', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: 'binary', maxLength: 130 }), fc.constantFrom('.', '..', '\udc00', '/')),
        (name) => {
          const refused = nameProblem(name) !== null
          if (refused) expect(() => requireName(name)).toThrow()
          else requireName(name)
        },
      ),
    )
  })
})

describe('conflictName (R9, TREE-10)', () => {
  it.each([
    ['photo.jpg', 1, "photo (Laptop's conflicted copy 2026-02-28).jpg"],
    ['photo.jpg', 2, "photo (Laptop's conflicted copy 2026-02-28 2).jpg"],
    ['a.tar.gz', 1, "a.tar (Laptop's conflicted copy 2026-02-28).gz"],
    ['.bashrc', 1, ".bashrc (Laptop's conflicted copy 2026-02-28)"],
    ['Makefile', 11, "Makefile (Laptop's conflicted copy 2026-02-28 11)"],
    [
      '1. A long sentence, no extension',
      1,
      "1. A long sentence, no extension (Laptop's conflicted copy 2026-02-28)",
    ],
  ])('of %j, number %i', (name, number, expected) => {
    expect(conflictName(name, 'Laptop', DAY, number)).toBe(expected)
  })

  it('is a name that fits every disk, keeps the extension and is no other name', () => {
    fc.assert(
      fc.property(anyName, anyDevice, anyNumber, fc.boolean(), (name, device, number, marked) => {
        const made = conflictName(name, device, DAY, number, marked ? id(7) : undefined)
        expect(nameProblem(made)).toBeNull()
        expect(made.endsWith(splitExtension(name).extension)).toBe(true)
        expect(made).not.toBe(name)
        expect(made).not.toBe(conflictName(name, device, DAY, number + 1, id(7)))
      }),
      { numRuns: 3_000 },
    )
  })

  it('leads back to the name it was made from, and its key to the key, unless it was cut', () => {
    fc.assert(
      fc.property(anyName, anyDevice, anyNumber, (name, device, number) => {
        const made = conflictName(name, device, DAY, number, id(7))
        const original = originalOfConflictName(made)
        expect(original).not.toBeNull()
        if (recordOfCutName(made) !== id(7)) expect(original).toBe(name)
        else expect(bytes(made)).toBeGreaterThan(251)
        for (const caseInsensitive of [false, true]) {
          const fromKey = originalOfConflictName(nameKey(made, caseInsensitive))
          expect(fromKey).toBe(nameKey(original!, caseInsensitive))
        }
      }),
      { numRuns: 3_000 },
    )
  })

  it('is cut between characters, says whose record it is, and loses no room', () => {
    const cut = conflictName(`${'👩'.repeat(63)}.md`, 'Laptop', DAY, 1, id(7))
    expect(cut).toMatch(/^(👩)+~0{31}7 \(Laptop's conflicted copy 2026-02-28\)\.md$/u)
    expect(bytes(cut)).toBeGreaterThan(251)
    expect(recordOfCutName(cut)).toBe(id(7))
    expect(conflictName('l'.repeat(255), 'Laptop', DAY)).toMatch(/^l+ \(Laptop's/)
  })

  it('can be made of a conflict name', () => {
    const twice = conflictName(conflictName('a.md', 'X (1)', DAY), "Y's", DAY, 3)
    expect(twice).toBe("a (X [1]'s conflicted copy 2026-02-28) (Y's's conflicted copy 2026-02-28 3).md")
    expect(originalOfConflictName(originalOfConflictName(twice)!)).toBe('a.md')
  })

  it.each([
    'a',
    'a (b)',
    "a's conflicted copy 2026-02-28",
    "a (X's conflicted copy)",
    '',
    "a(X's conflicted copy 2026-02-28)",
  ])('is not %j', (name) => {
    expect(originalOfConflictName(name)).toBeNull()
    expect(recordOfCutName(name)).toBeNull()
  })
})
