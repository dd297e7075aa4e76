import { columns } from './format.ts'

/** The recovery phrase as four numbered columns, to be written down. */
export function phraseCard(phrase: string): string[] {
  const words = phrase.split(' ')
  const rows = Math.ceil(words.length / 4)
  const cell = (index: number) => (words[index] ? `${String(index + 1).padStart(2)} ${words[index]}` : '')
  return columns(
    Array.from({ length: rows }, (_, row) => [
      '',
      ...[0, 1, 2, 3].map((column) => cell(row + column * rows)),
    ]),
  )
}
