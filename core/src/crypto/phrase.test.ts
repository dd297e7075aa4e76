/** The recovery phrase (BIP-39). */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { vectorTest } from './node-vectors.ts'
import { entropyFromPhrase, InvalidPhrase, phraseFromEntropy } from './phrase.ts'

vectorTest({
  file: 'bip39.json',
  covers: 'BIP-39 of 256 bits',
  cases: 4,
  run: (text) => {
    const { english } = JSON.parse(text) as { english: [string, string][] }
    for (const [hex, phrase] of english) {
      const entropy = new Uint8Array(Buffer.from(hex, 'hex'))
      expect(phraseFromEntropy(entropy)).toBe(phrase)
      expect(entropyFromPhrase(phrase)).toEqual(entropy)
    }
    return english.length
  },
})

const PHRASE = phraseFromEntropy(new Uint8Array(32).fill(5))

test('every 32 bytes come back from their phrase', () => {
  const entropies = fc.uint8Array({ minLength: 32, maxLength: 32 })
  fc.assert(
    fc.property(entropies, (entropy) => {
      expect(entropyFromPhrase(phraseFromEntropy(entropy))).toEqual(entropy)
    }),
    { numRuns: 50 },
  )
})

test('case, line breaks and stray spaces are forgiven', () => {
  const typed = `\n  ${PHRASE.toUpperCase().replaceAll(' ', ' \t\n')} `
  expect(entropyFromPhrase(typed)).toEqual(new Uint8Array(32).fill(5))
})

describe('a text that is no phrase is refused, and the message says why', () => {
  const refusal = (text: string) => {
    try {
      entropyFromPhrase(text)
    } catch (error) {
      return error as InvalidPhrase
    }
    throw new Error('it was taken')
  }

  test('a misspelt word is named with its place', () => {
    const words = PHRASE.split(' ')
    words[6] = 'abandom'
    const error = refusal(words.join(' '))
    expect(error).toBeInstanceOf(InvalidPhrase)
    expect(error.word).toBe(7)
    expect(error.message).toContain('word 7, "abandom"')
  })

  test('a missing word is counted', () => {
    const error = refusal(PHRASE.split(' ').slice(1).join(' '))
    expect(error.message).toContain('it has 23 words and should have 24')
    expect(refusal('').message).toContain('it has 0 words')
  })

  test('swapped words do not match their checksum', () => {
    const words = phraseFromEntropy(Uint8Array.from({ length: 32 }, (_, i) => i)).split(' ')
    const swapped = [words[1], words[0], ...words.slice(2)].join(' ')
    expect(refusal(swapped).message).toContain('check each word, and their order')
  })

  test('a long text is not quoted in full', () => {
    expect(refusal('x'.repeat(10_000)).message.length).toBeLessThan(200)
  })
})

test('only 32 bytes have a phrase here', () => {
  expect(() => phraseFromEntropy(new Uint8Array(16))).toThrow(RangeError)
})
