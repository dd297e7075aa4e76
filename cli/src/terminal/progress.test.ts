import { expect, test } from 'vitest'
import { createProgress, type ProgressState, progressLine } from './progress.ts'

const state: ProgressState = { phase: 'sending', files: 10, filesTotal: 1_000, bytes: 2e6, bytesTotal: 8e6 }

function screen(isTTY: boolean) {
  const written: string[] = []
  return { isTTY, columns: 40, written, write: (text: string) => written.push(text) }
}

test('one line says phase, files, bytes and rate', () => {
  expect(progressLine(state, 1e6)).toBe('sending  10 of 1,000 files · 2.0 MB of 8.0 MB · 1.0 MB/s')
  expect(progressLine({ phase: 'looking', files: 0, filesTotal: 0, bytes: 0, bytesTotal: 0 }, null)).toBe(
    'looking …',
  )
  const one = { phase: 'sending', files: 0, filesTotal: 1, bytes: 5, bytesTotal: 0 }
  expect(progressLine(one, null)).toBe('sending  0 of 1 file · 5 B')
})

test('nothing is written where stderr is no terminal, nor with --quiet', () => {
  for (const [isTTY, quiet] of [
    [false, false],
    [true, true],
  ] as const) {
    const target = screen(isTTY)
    const progress = createProgress(target, quiet, () => 0)
    progress.update(state)
    progress.end()
    expect(target.written).toEqual([])
  }
})

test('the line is redrawn at most ten times a second, fits the terminal, and is taken away at the end', () => {
  let now = 0
  const target = screen(true)
  const progress = createProgress(target, false, () => now)
  for (; now < 1_000; now++) progress.update({ ...state, bytes: now * 1_000 })
  progress.end()
  expect(target.written.length).toBe(11)
  for (const text of target.written) expect(text.replace('\r\u001b[K', '').length).toBeLessThan(40)
  expect(target.written.at(-1)).toBe('\r\u001b[K')
})

test('a change of phase shows at once', () => {
  const target = screen(true)
  const progress = createProgress(target, false, () => 0)
  progress.update(state)
  progress.update({ ...state, phase: 'fetching' })
  expect(target.written.length).toBe(2)
})
