/** Numbers as the tables show them. */
import type { Measured } from '../question.ts'

export function formatAmount(amount: number, unit: Measured['unit']): string {
  switch (unit) {
    case 's':
      return `${amount < 10 ? amount.toFixed(2) : amount.toFixed(1)} s`
    case 'ms':
      return `${amount < 10 ? amount.toFixed(1) : amount.toFixed(0)} ms`
    case 'bytes':
      return formatBytes(amount)
  }
}

/** Processor time of several processes, together and each, in seconds. */
export function formatProcessor(processor: Readonly<Record<string, number>>): string {
  const each = Object.entries(processor)
  const show = (seconds: number) =>
    seconds < 0.1 ? formatAmount(seconds * 1000, 'ms') : formatAmount(seconds, 's')
  if (each.length === 0) return ''
  const total = show(each.reduce((sum, [, seconds]) => sum + seconds, 0))
  if (each.length === 1) return total
  return `${total}: ${each.map(([name, seconds]) => `${name} ${show(seconds)}`).join(', ')}`
}

/** Decimal units: 1 MB is 1,000,000 bytes. */
export function formatBytes(bytes: number): string {
  const size = Math.abs(bytes)
  if (size < 1e3) return `${bytes.toFixed(0)} B`
  if (size < 1e6) return `${(bytes / 1e3).toFixed(1)} kB`
  if (size < 1e9) return `${(bytes / 1e6).toFixed(size < 1e7 ? 1 : 0)} MB`
  return `${(bytes / 1e9).toFixed(2)} GB`
}
