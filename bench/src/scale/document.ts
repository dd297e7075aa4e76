/** docs/scale.md: its prose is written, its tables are computed into it. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatBytes } from '../report/format.ts'
import { ASSUMED, assumptions } from './assumptions.ts'
import { type Cost, type Measured, OPERATIONS, type OperationName, type SystemMeasured } from './measured.ts'
import { type Line, sections, type Unit } from './model.ts'

export const DOCUMENT = join(import.meta.dirname, '../../../docs/scale.md')

/** The tables by the name that their place in the document has. */
export function tables(measured: Measured): Readonly<Record<string, string>> {
  return {
    measured: measuredTable(measured),
    'at rest': atRestTable(measured),
    assumptions: assumptionsTable(),
    computed: sections(measured, assumptions())
      .map(({ title, lines }) => `### ${title}\n\n${computedTable(lines)}`)
      .join('\n\n'),
  }
}

/** The text with these tables in their places. Throws when one has no place. */
export function withTables(text: string, measured: Measured): string {
  return Object.entries(tables(measured)).reduce((before, [name, table]) => {
    const [head, rest] = before.split(`<!-- ${name} -->\n`)
    const tail = rest?.split(`<!-- /${name} -->`)[1]
    if (head === undefined || tail === undefined) throw new Error(`docs/scale.md has no place for "${name}"`)
    return `${head}<!-- ${name} -->\n${table}\n<!-- /${name} -->${tail}`
  }, text)
}

export function writeDocument(measured: Measured): void {
  writeFileSync(DOCUMENT, withTables(readFileSync(DOCUMENT, 'utf8'), measured))
}

function measuredTable({ day, machine, load, systems }: Measured): string {
  const names = Object.keys(OPERATIONS) as OperationName[]
  return [
    `Measured on ${day}: ${machine}. Load average while measuring: up to ${load.toFixed(1)}, others' work included.`,
    '',
    ...systems.map(
      ({ name, engines, serverBytes }) =>
        `- **${name}**: ${engines}; memory of the server at most ${formatBytes(serverBytes)}`,
    ),
    '',
    `| | ${systems.map(({ name }) => name).join(' | ')} |`,
    `|---|${systems.map(() => '---|').join('')}`,
    ...names.map(
      (name) => `| ${OPERATIONS[name]} | ${systems.map((system) => costCell(system, name)).join(' | ')} |`,
    ),
  ].join('\n')
}

function costCell({ costs }: SystemMeasured, name: OperationName): string {
  const cost = costs.find(({ operation }) => operation === name)
  return cost ? `${processor(cost)}; ${milliseconds(cost.medianMs)} on the clock` : ''
}

/** Processes that used less than the kernel's clock shows are left out. */
function processor({ processorMs }: Cost): string {
  return Object.entries(processorMs)
    .filter(([name, value]) => value > 0 || name === 'server')
    .map(([name, value]) => `${name} ${milliseconds(value)}`)
    .join(', ')
}

function milliseconds(value: number): string {
  return `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ms`
}

function atRestTable({ systems, recordBytes }: Measured): string {
  return [
    `A record had ${recordBytes} bytes: facts, seal and the id of one chunk.`,
    '',
    '| engine | bytes of a row, indexes included (rows) |',
    '|---|---|',
    ...systems.map(({ atRest: { engine, tables: all } }) => {
      const rows = all
        .filter(({ rows }) => rows > 1)
        .map(
          ({ table, rows, bytes }) => `${table} ${Math.round(bytes / rows)} (${rows.toLocaleString('en')})`,
        )
      return `| ${engine} | ${rows.join(', ')} |`
    }),
  ].join('\n')
}

function assumptionsTable(): string {
  return [
    '| assumed | |',
    '|---|---|',
    ...Object.values(ASSUMED).map(([value, meaning]) => `| ${amount(value)} | ${meaning} |`),
  ].join('\n')
}

function computedTable(lines: readonly Line[]): string {
  return [
    '| | | follows from |',
    '|---|---|---|',
    ...lines.map(({ name, formula, value, unit }) => `| ${name} | ${shown(value, unit)} | ${formula} |`),
  ].join('\n')
}

function shown(value: number, unit: Unit): string {
  switch (unit) {
    case 'count':
      return amount(value)
    case 'bytes':
      return `${scaled(value)}B`
    case 'perSecond':
      return `${amount(value)} each second`
    case 'bitsPerSecond':
      return `${scaled(value)}bit/s`
    case 'units':
      return `${amount(value)} units`
  }
}

const PREFIXES = ['', 'k', 'M', 'G', 'T', 'P', 'E'] as const

/** Three digits are more than what this is known to. */
function scaled(value: number): string {
  const power = Math.max(0, Math.min(PREFIXES.length - 1, Math.floor(Math.log10(value) / 3)))
  return `${Number((value / 1_000 ** power).toPrecision(3))} ${PREFIXES[power]}`
}

const WORDS = [
  [1e12, 'trillion'],
  [1e9, 'billion'],
  [1e6, 'million'],
] as const

function amount(value: number): string {
  const word = WORDS.find(([least]) => value >= least)
  if (word) return `${Number((value / word[0]).toPrecision(3))} ${word[1]}`
  return Number(value.toPrecision(3)).toLocaleString('en', { maximumFractionDigits: 4 })
}
