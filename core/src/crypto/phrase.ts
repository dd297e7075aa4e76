/** The recovery phrase: 256 bits and their checksum as 24 English words (BIP-39). */
import { entropyToMnemonic, mnemonicToEntropy } from '@scure/bip39'
import { wordlist } from '@scure/bip39/wordlists/english.js'

const ENTROPY_BYTES = 32
const PHRASE_WORDS = 24

/** A text that is not a recovery phrase. The message names words of the text: it is for its writer only. */
export class InvalidPhrase extends Error {
  /** Which word is none of the list, counted from 1; undefined when every word is, but not together. */
  readonly word: number | undefined
  constructor(message: string, word?: number) {
    super(message)
    this.name = 'InvalidPhrase'
    this.word = word
  }
}

/** The 24 words of 32 bytes, separated by single spaces. */
export function phraseFromEntropy(entropy: Uint8Array): string {
  if (entropy.length !== ENTROPY_BYTES) {
    throw new RangeError(`a recovery phrase stands for ${ENTROPY_BYTES} bytes, not ${entropy.length}`)
  }
  return entropyToMnemonic(entropy, wordlist)
}

/** The 32 bytes a phrase stands for. Case and white space are forgiven. Throws InvalidPhrase. */
export function entropyFromPhrase(text: string): Uint8Array {
  const words = text
    .normalize('NFKD')
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '')
  const wrong = words.findIndex((word) => !wordlist.includes(word))
  if (wrong >= 0) {
    const quoted = JSON.stringify(words[wrong]!.slice(0, 20))
    throw new InvalidPhrase(
      `cannot read the recovery phrase: word ${wrong + 1}, ${quoted}, is not in the list; check its spelling`,
      wrong + 1,
    )
  }
  if (words.length !== PHRASE_WORDS) {
    throw new InvalidPhrase(
      `cannot read the recovery phrase: it has ${words.length} words and should have ${PHRASE_WORDS}`,
    )
  }
  try {
    return mnemonicToEntropy(words.join(' '), wordlist)
  } catch {
    throw new InvalidPhrase(
      'cannot read the recovery phrase: every word is in the list, but together they are no phrase; check each word, and their order',
    )
  }
}
