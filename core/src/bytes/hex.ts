/** Lowercase hex, the text form of every id and digest. */

const HEX: readonly string[] = Array.from({ length: 256 }, (_, value) => value.toString(16).padStart(2, '0'))

/** ECMAScript 2026; several times faster than digit by digit, and newer than some platforms this runs on. */
interface KnowsHex {
  toHex(): string
}

/** Two lowercase digits per byte. */
export const toHex: (bytes: Uint8Array) => string =
  'toHex' in Uint8Array.prototype ? (bytes) => (bytes as Uint8Array & KnowsHex).toHex() : spelledHex

/** The same, digit by digit. */
export function spelledHex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += HEX[byte]
  return text
}

/** The value of each digit by its character code; NOT_HEX for what is none. Faster than the platforms' own (measured). */
const NOT_HEX = 0xff
const DIGITS = new Uint8Array(128).fill(NOT_HEX)
for (let value = 0; value < 16; value++) DIGITS[value.toString(16).charCodeAt(0)] = value

/** The bytes of a text of lowercase hex digits. Throws RangeError on anything else. */
export function fromHex(text: string): Uint8Array {
  if (text.length % 2 !== 0) throw new RangeError(`hex text has an odd length: ${text.length}`)
  const bytes = new Uint8Array(text.length / 2)
  for (let i = 0; i < bytes.length; i++) {
    // Past the table there is undefined, which is no number below 16 either.
    const high = DIGITS[text.charCodeAt(2 * i)]!
    const low = DIGITS[text.charCodeAt(2 * i + 1)]!
    if (!(high < 16 && low < 16)) throw notHex(text, 2 * i)
    bytes[i] = (high << 4) | low
  }
  return bytes
}

/** One of the two digits at `at` is none. */
function notHex(text: string, at: number): RangeError {
  const wrong = /^[0-9a-f]/.test(text[at]!) ? at + 1 : at
  return new RangeError(`not a lowercase hex digit at ${wrong}: ${JSON.stringify(text[wrong])}`)
}
