/** Reads TypeScript source just well enough to check its imports and the names it uses. */

export interface Source {
  /** The text with comments blanked: line numbers stay. */
  readonly code: string
  /** The same with the contents of strings, templates and regular expressions blanked too. */
  readonly bare: string
}

/** Blanks what is not code. Interpolations inside templates count as code. */
export function readSource(text: string): Source {
  const code = text.split('')
  const bare = text.split('')
  /** Brace depth of every template interpolation that is open. */
  const templates: number[] = []
  let depth = 0
  let before = ''
  let at = 0
  while (at < text.length) {
    const end = tokenEnd(text, at, before)
    const char = text[at]!
    if (end !== null) {
      for (let i = at; i < end.to; i++) {
        if (text[i] === '\n') continue
        if (end.kind === 'comment') code[i] = ' '
        if (end.kind === 'comment' || (i > at && i < end.to - 1)) bare[i] = ' '
      }
      if (end.kind === 'template-head') templates.push(depth)
      if (end.kind !== 'comment') before = end.kind === 'template-head' ? '{' : '"'
      at = end.to
      continue
    }
    if (char === '{') depth++
    if (char === '}') {
      if (templates.at(-1) === depth) {
        const close = templateEnd(text, at + 1)
        for (let i = at + 1; i < close.to - 1; i++) if (text[i] !== '\n') bare[i] = ' '
        if (close.kind === 'string') templates.pop()
        before = close.kind === 'string' ? '"' : '{'
        at = close.to
        continue
      }
      depth--
    }
    if (char.trim() !== '') before = /\w/.test(char) && /\w/.test(text[at - 1] ?? '') ? before + char : char
    at++
  }
  return { code: code.join(''), bare: bare.join('') }
}

type Token = { readonly kind: 'comment' | 'string' | 'template-head'; readonly to: number }

/** Where the comment, string or regular expression that starts here ends; null when none starts here. */
function tokenEnd(text: string, at: number, before: string): Token | null {
  const two = text.slice(at, at + 2)
  if (two === '//' || (at === 0 && two === '#!')) return { kind: 'comment', to: endOr(text, '\n', at) }
  if (two === '/*') return { kind: 'comment', to: endOr(text, '*/', at + 2, 2) }
  const char = text[at]
  if (char === '"' || char === "'") return { kind: 'string', to: quotedEnd(text, at + 1, char) }
  if (char === '`') return templateEnd(text, at + 1)
  if (
    char === '/' &&
    (before === '' || /[(,=:[!&|?{};+*%<>~^-]$|^(return|typeof|case|in|of)$/.test(before))
  ) {
    return { kind: 'string', to: regexEnd(text, at + 1) }
  }
  return null
}

function endOr(text: string, mark: string, from: number, length = 0): number {
  const found = text.indexOf(mark, from)
  return found < 0 ? text.length : found + length
}

function quotedEnd(text: string, from: number, quote: string): number {
  for (let i = from; i < text.length; i++) {
    if (text[i] === '\\') i++
    else if (text[i] === quote || text[i] === '\n') return i + 1
  }
  return text.length
}

function templateEnd(text: string, from: number): Token {
  for (let i = from; i < text.length; i++) {
    if (text[i] === '\\') i++
    else if (text[i] === '`') return { kind: 'string', to: i + 1 }
    else if (text[i] === '$' && text[i + 1] === '{') return { kind: 'template-head', to: i + 2 }
  }
  return { kind: 'string', to: text.length }
}

function regexEnd(text: string, from: number): number {
  let inClass = false
  for (let i = from; i < text.length; i++) {
    const char = text[i]
    if (char === '\n') return i
    if (char === '\\') i++
    else if (char === '[') inClass = true
    else if (char === ']') inClass = false
    else if (char === '/' && !inClass) return i + 1
  }
  return text.length
}

/** Every module the file imports or re-exports, static or dynamic, with its line number from 1. */
export function importsOf(source: Source): { specifier: string; line: number }[] {
  const found: { specifier: string; line: number }[] = []
  const pattern = /\b(?:from|import)\s*\(?\s*(["'])([^"'\n]+)\1/g
  for (const match of source.code.matchAll(pattern)) {
    // The keyword has to be code: inside a string it is blank in `bare`.
    if (source.bare.slice(match.index, match.index + 4).trim() === '') continue
    found.push({ specifier: match[2]!, line: lineAt(source.code, match.index) })
  }
  return found
}

/** The line number, from 1, of a position. */
export function lineAt(text: string, position: number): number {
  let line = 1
  for (let i = 0; i < position; i++) if (text[i] === '\n') line++
  return line
}
