/** When two names are the same name, and what the loser of a name is called. */
import type { RecordId } from '../ids/ids.ts'
import { NAME_MAX_BYTES } from '../limits.ts'

/**
 * Siblings with equal keys cannot both have their name on disk: names are compared after NFC, and after case
 * folding on disks that ignore case (R3, TREE-1). The key of a key is itself.
 */
export function nameKey(name: string, caseInsensitive: boolean): string {
  const composed = name.normalize('NFC')
  if (!caseInsensitive) return composed
  // Up and down again folds what lower case alone leaves apart (ß and ss); down first opens ẞ. Which sigma
  // ends a word depends on what follows, so it is folded away.
  return composed.toLowerCase().toUpperCase().toLowerCase().replaceAll('ς', 'σ').normalize('NFC')
}

/** Why this text cannot be the name of a file or folder, or null when it can. */
export function nameProblem(name: string): string | null {
  if (name === '') return 'it is empty'
  if (name === '.' || name === '..') return 'it means another folder'
  if (name.includes('/')) return 'it contains a slash'
  if (name.includes('\0')) return 'it contains a zero byte'
  if (utf8Length(name) > NAME_MAX_BYTES) return `it is longer than ${NAME_MAX_BYTES} bytes`
  if (!name.isWellFormed()) return 'it is not Unicode text'
  return null
}

/** A device's name can have 64 characters of 4 bytes; this much of it leaves room for the base. */
const DEVICE_MAX_BYTES = 96

/**
 * The name of a conflicting sibling or copy (R9, TREE-10): `base (DEVICE's conflicted copy YYYY-MM-DD).ext`,
 * with a number from the second on, never longer than NAME_MAX_BYTES. Where the base has to be cut (between
 * characters) it ends in `~id`, so that names that begin alike do not become one. The device has square brackets
 * for round ones, so that there is one way to read the name back.
 */
export function conflictName(name: string, by: string, day: string, number = 1, id?: RecordId): string {
  const { base, extension } = splitExtension(name)
  const device = cutToBytes(by.replaceAll('(', '[').replaceAll(')', ']'), DEVICE_MAX_BYTES)
  const suffix = ` (${device}'s conflicted copy ${day}${number > 1 ? ` ${number}` : ''})${extension}`
  const room = NAME_MAX_BYTES - utf8Length(suffix)
  if (utf8Length(base) <= room) return base + suffix
  const mark = id ? `~${id}` : ''
  return cutToBytes(base, room - mark.length) + mark + suffix
}

const CONFLICT_NAME = /^(.*) \([^()]*'s conflicted copy \d{4}-\d{2}-\d{2}(?: \d+)?\)(\.[^.]*)?$/su

/** The name a conflict name was made from (also of keys: the key of it), or null when the name is none. */
export function originalOfConflictName(name: string): string | null {
  const match = CONFLICT_NAME.exec(name)
  return match ? match[1]! + (match[2] ?? '') : null
}

const MARK = /~([0-9a-f]{32})$/u

/** The record that a conflict name with a cut base belongs to, or null when the name is none. */
export function recordOfCutName(name: string): RecordId | null {
  const original = originalOfConflictName(name)
  return original === null
    ? null
    : ((MARK.exec(splitExtension(original).base)?.[1] ?? null) as RecordId | null)
}

/** `photo.tar.gz` → `photo.tar` + `.gz`; a leading dot starts no extension. */
export function splitExtension(name: string): { base: string; extension: string } {
  const dot = name.lastIndexOf('.')
  // An "extension" of more than 16 bytes is a part of the name, and must not eat the room of the base.
  if (dot <= 0 || utf8Length(name.slice(dot)) > 16) return { base: name, extension: '' }
  return { base: name.slice(0, dot), extension: name.slice(dot) }
}

function cutToBytes(text: string, limit: number): string {
  if (utf8Length(text) <= limit) return text
  let kept = ''
  let length = 0
  for (const character of text) {
    length += utf8Length(character)
    if (length > limit) break
    kept += character
  }
  return kept
}

const encoder = new TextEncoder()

function utf8Length(text: string): number {
  return encoder.encode(text).length
}
