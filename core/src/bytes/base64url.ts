/** base64url without padding (RFC 4648 §5), the form of byte strings in JSON. */

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const VALUES = new Uint8Array(128).fill(255)
for (let i = 0; i < 64; i++) VALUES[ALPHABET.charCodeAt(i)] = i

/** Four characters for each three bytes, no padding. */
export function toBase64url(bytes: Uint8Array): string {
  let text = ''
  for (let i = 0; i < bytes.length; i += 3) {
    const group = (bytes[i]! << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0)
    text += ALPHABET[group >> 18]! + ALPHABET[(group >> 12) & 63]!
    if (i + 1 < bytes.length) text += ALPHABET[(group >> 6) & 63]!
    if (i + 2 < bytes.length) text += ALPHABET[group & 63]!
  }
  return text
}

/**
 * The bytes of a text. Each byte string has one text: padding, other characters and stray last bits are
 * refused. Throws RangeError.
 */
export function fromBase64url(text: string): Uint8Array {
  if (text.length % 4 === 1) throw new RangeError(`base64url text of an impossible length: ${text.length}`)
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4))
  let bits = 0
  let held = 0
  let at = 0
  for (let i = 0; i < text.length; i++) {
    held = ((held << 6) | digit(text, i)) & 0xffff
    bits += 6
    if (bits >= 8) {
      bits -= 8
      bytes[at++] = held >> bits
    }
  }
  if ((held & ((1 << bits) - 1)) !== 0) throw new RangeError('base64url text ends in stray bits')
  return bytes
}

function digit(text: string, at: number): number {
  const value = VALUES[text.charCodeAt(at)] ?? 255
  if (value === 255) throw new RangeError(`not a base64url character at ${at}: ${JSON.stringify(text[at])}`)
  return value
}
