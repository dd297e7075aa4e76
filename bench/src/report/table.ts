/** The answers as Markdown, for the terminal and for the README. */
import { cpus, release, totalmem } from 'node:os'
import { median } from '../measure/statistics.ts'
import type { Answer, Measured, Question, Sizes, Verdict } from '../question.ts'
import { formatAmount, formatBytes, formatProcessor } from './format.ts'

export interface Answered {
  readonly question: Question
  readonly answers: ReadonlyMap<string, Answer>
  /** Others' work on the machine: runnable processes in the minute before each contender's turn, at most. */
  readonly load: number
}

/** One section per question: a row per contender, then what the design asks and what was found. */
export function answeredAsText({ question, answers, load }: Answered, sizes: Sizes): string {
  const measured = new Map(
    [...answers].flatMap(([name, answer]) => (answer.kind === 'measured' ? [[name, answer]] : [])),
  )
  const ours = measured.get('Pileus')
  const lines = [
    `### ${question.title(sizes)}`,
    '',
    '| | median | all | parts | ours ÷ theirs | processor time | moved | most memory |',
    '|---|---|---|---|---|---|---|---|',
    ...[...measured].map(([name, answer]) => row(name, answer, ours)),
    '',
    ...[...answers].flatMap(([name, answer]) =>
      answer.kind === 'measured'
        ? answer.notes.map((note) => `- ${name}: ${note}`)
        : [`- ${name} was not measured: ${answer.why}`],
    ),
    ...question.judge(measured, sizes).map(verdictLine),
    `- load average while measuring: up to ${load.toFixed(1)}`,
  ]
  return `${lines.join('\n')}\n`
}

function row(name: string, answer: Measured, ours: Measured | undefined): string {
  const { unit, samples, parts, processor, movedBytes, peaks } = answer
  const middle = median(samples)
  const cells = [
    name.startsWith('Pileus') ? `**${name}**` : name,
    formatAmount(middle, unit),
    samples.length > 5
      ? range(samples, unit)
      : samples.map((sample) => formatAmount(sample, unit)).join(', '),
    Object.entries(parts)
      .map(([part, seconds]) => `${part} ${formatAmount(seconds, unit)}`)
      .join(', '),
    ours && ours !== answer ? ratio(median(ours.samples), middle) : '',
    formatProcessor(processor),
    movedBytes === null ? '' : formatBytes(movedBytes),
    Object.entries(peaks)
      .map(([process, bytes]) => `${process} ${formatBytes(bytes)}`)
      .join(', '),
  ]
  return `| ${cells.join(' | ')} |`
}

/** Noise around nothing has no ratio. */
function ratio(ours: number, theirs: number): string {
  return ours >= 0 && theirs > 0 ? `${(ours / theirs).toFixed(2)} ×` : ''
}

function range(samples: readonly number[], unit: Measured['unit']): string {
  return `${formatAmount(Math.min(...samples), unit)} to ${formatAmount(Math.max(...samples), unit)}`
}

function verdictLine({ target, found, met }: Verdict): string {
  const word = met === null ? 'open' : met ? 'met' : '**not met**'
  return `- asked: ${target}; found: ${found}: ${word}`
}

/** The machine in one line. */
export function machine(): string {
  const [first] = cpus()
  const memory = formatBytes(totalmem())
  return `${cpus().length} × ${first?.model.trim() ?? 'unknown processor'}, ${memory} of memory, Linux ${release()}, Node ${process.version}`
}
