/** Holding an answer against what the design asks for. */
import { median } from '../measure/statistics.ts'
import type { Measured, Verdict } from '../question.ts'
import { formatAmount } from './format.ts'

type Answers = ReadonlyMap<string, Measured>

/** Ours must take at most `share` of the peer's median. */
export function atMostShare(answers: Answers, peer: string, share: number): Verdict {
  const target = `≤ ${share} × ${peer}`
  const ours = answers.get('Pileus')
  const theirs = answers.get(peer)
  if (!ours || !theirs) return { target, found: 'not measured', met: null }
  const ratio = median(ours.samples) / median(theirs.samples)
  return { target, found: `${ratio.toFixed(2)} ×`, met: ratio <= share }
}

/** Ours must be at most `limit`, in the unit of the answer. */
export function atMost(
  answers: Answers,
  limit: number,
  what: string,
  of: (ours: Measured) => number | null = ({ samples }) => median(samples),
  unit: Measured['unit'] = answers.get('Pileus')?.unit ?? 's',
): Verdict {
  const target = `${what} ≤ ${formatAmount(limit, unit)}`
  const ours = answers.get('Pileus')
  const found = ours ? of(ours) : null
  if (found === null) return { target, found: 'not measured', met: null }
  return { target, found: formatAmount(found, unit), met: found <= limit }
}

/** No process of ours may hold more, in bytes. */
export function flatMemory(answers: Answers): Verdict {
  return atMost(
    answers,
    300e6,
    'memory of each process',
    ({ peaks }) => Math.max(...Object.values(peaks)),
    'bytes',
  )
}
