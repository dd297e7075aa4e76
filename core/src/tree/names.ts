/** When two names are the same name, and what the loser of a name is called. */
import { NAME_MAX_BYTES } from '../limits.ts'

/**
 * Siblings with equal keys cannot both have their name on disk: names are compared after NFC, and after case
 * folding on disks that ignore case (R3).
 */
export function nameKey(name: string, caseInsensitive: boolean): string {
  const composed = name.normalize('NFC')
  // Upper then lower folds what lower alone leaves apart (ß and SS, final sigma).
  return caseInsensitive ? composed.toUpperCase().toLowerCase().normalize('NFC') : composed
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

/**
 * The name of a conflicting sibling or copy (R9): `base (DEVICE's conflicted copy YYYY-MM-DD).ext`, with a
 * number from the second on. Cut at the base, between characters, to stay within NAME_MAX_BYTES.
 */
export function conflictName(name: string, by: string, day: string, number = 1): string {
  const { base, extension } = splitExtension(name)
  const suffix = ` (${by}'s conflicted copy ${day}${number > 1 ? ` ${number}` : ''})${extension}`
  return cutToBytes(base, NAME_MAX_BYTES - utf8Length(suffix)) + suffix
}

const CONFLICT_NAME = /^(.*) \(.*'s conflicted copy \d{4}-\d{2}-\d{2}(?: \d+)?\)(\.[^.]*)?$/su

/** The name a conflict name was made from, or null when the name is none (or was cut). */
export function originalOfConflictName(name: string): string | null {
  const match = CONFLICT_NAME.exec(name)
  return match ? match[1]! + (match[2] ?? '') : null
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
