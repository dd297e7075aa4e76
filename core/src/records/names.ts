/** Which texts of another person may become part of a path, a conflict name or a symbolic link (REC-7). */
import { BadField } from '../keys/fields.ts'
import { DEVICE_NAME_MAX_CHARACTERS, LINK_TARGET_MAX_BYTES, NAME_MAX_BYTES } from '../limits.ts'

/** One path component: not empty, '.' or '..', no '/' or NUL, at most NAME_MAX_BYTES of UTF-8. */
export function requireName(name: string): void {
  if (name === '' || name === '.' || name === '..') {
    throw new BadField(`the name ${JSON.stringify(name)} is not one path component`)
  }
  if (name.includes('/') || name.includes('\0')) {
    throw new BadField(`the name ${quote(name)} holds a slash or NUL`)
  }
  requireUtf8(name, 'the name', NAME_MAX_BYTES)
}

/** The name of a device, which goes into conflict names: no '/' and no control characters; may be empty. */
export function requireLabel(label: string): void {
  if (label.length > 2 * DEVICE_NAME_MAX_CHARACTERS || [...label].length > DEVICE_NAME_MAX_CHARACTERS) {
    throw new BadField(`a device name is longer than ${DEVICE_NAME_MAX_CHARACTERS} characters`)
  }
  if (!label.isWellFormed() || /[/\p{Cc}]/u.test(label)) {
    throw new BadField(`the device name ${quote(label)} holds a slash or control character`)
  }
}

/** The target of a symbolic link: carried as it is, never followed by us; not empty, no NUL. */
export function requireTarget(target: string): void {
  if (target === '' || target.includes('\0')) {
    throw new BadField(`the link target ${quote(target)} is empty or holds NUL`)
  }
  requireUtf8(target, 'the link target', LINK_TARGET_MAX_BYTES)
}

const DAY = /^(\d{4})-(\d{2})-(\d{2})$/

/** YYYY-MM-DD as the number YYYYMMDD. */
export function readDay(day: string): number {
  const [, year, month, date] = DAY.exec(day) ?? []
  if (Number(month) < 1 || Number(month) > 12 || Number(date) < 1 || Number(date) > 31 || !year) {
    throw new BadField(`the day ${quote(day)} is not YYYY-MM-DD`)
  }
  return Number(`${year}${month}${date}`)
}

function requireUtf8(text: string, what: string, maxBytes: number): void {
  if (!text.isWellFormed()) throw new BadField(`${what} ${quote(text)} is not well-formed Unicode`)
  if (text.length > maxBytes || utf8Bytes(text) > maxBytes) {
    throw new BadField(`${what} ${quote(text)} is longer than ${maxBytes} bytes`)
  }
}

/** Bytes of UTF-8 of a well-formed text. */
function utf8Bytes(text: string): number {
  let bytes = 0
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) bytes += 1
    else if (unit < 0x800) bytes += 2
    // Each half of a surrogate pair is two of its four bytes.
    else bytes += unit >= 0xd800 && unit < 0xe000 ? 2 : 3
  }
  return bytes
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 80))
}
