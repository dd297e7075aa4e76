import { expect, test } from 'vitest'
import { phraseCard } from './phrase-card.ts'

test('24 words stand in four columns of six, read downwards', () => {
  const words = Array.from({ length: 24 }, (_, index) => `word${index + 1}`)
  const lines = phraseCard(words.join(' '))
  expect(lines).toHaveLength(6)
  expect(lines[0]).toBe('   1 word1   7 word7   13 word13  19 word19')
})
