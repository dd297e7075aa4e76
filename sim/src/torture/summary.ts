/** What a run of kills came to, for people. */
import type { TortureReport } from './torture.ts'

const MB = 1_000_000

export function summaryOf({ kills, edits, files, savedBytes, uploads }: TortureReport, ms: number): string {
  const { packs, bytes, chunks, cutPacks, cutBytes } = uploads
  const sum = [...kills.values()].reduce((total, count) => total + count, 0)
  return [
    `${sum} kills and ${edits} times of editing in ${(ms / 1_000).toFixed(0)} s; ${files} files are equal on both devices and as they were saved`,
    `saved ${mega(savedBytes)}; sent ${mega(bytes)} in ${packs} packs, ${chunks} chunks, none twice; kills cut ${cutPacks} packs (${mega(cutBytes)})`,
    ...[...kills].sort().map(([what, count]) => `  ${String(count).padStart(4)}  ${what}`),
  ].join('\n')
}

function mega(bytes: number): string {
  return `${(bytes / MB).toFixed(1)} MB`
}
