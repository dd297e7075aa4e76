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

/** The bytes of a text of lowercase hex digits. Throws RangeError on anything else. */
export function fromHex(text: string): Uint8Array {
  if (text.length % 2 !== 0) throw new RangeError(`hex text has an odd length: ${text.length}`)
  const bytes = new Uint8Array(text.length / 2)
  for (let i = 0; i < bytes.length; i++) bytes[i] = (digit(text, 2 * i) << 4) | digit(text, 2 * i + 1)
  return bytes
}

function digit(text: string, at: number): number {
  const code = text.charCodeAt(at)
  if (code >= 48 && code <= 57) return code - 48
  if (code >= 97 && code <= 102) return code - 87
  throw new RangeError(`not a lowercase hex digit at ${at}: ${JSON.stringify(text[at])}`)
}
