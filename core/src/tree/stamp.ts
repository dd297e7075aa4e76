/** The order of places (R3). */
import type { RecordId } from '../ids/ids.ts'
import type { Stamp } from '../records/record.ts'

/** Negative when `a` was set before `b`. Equal counters were set apart; the writer id breaks the tie. */
export function compareStamps(a: Stamp, b: Stamp): number {
  if (a.counter !== b.counter) return a.counter - b.counter
  return compareText(a.writer, b.writer)
}

/** A total order of placed records: by stamp, then by id, so that every device sorts alike. */
export function comparePlaced(
  a: { id: RecordId; place: { stamp: Stamp } },
  b: { id: RecordId; place: { stamp: Stamp } },
): number {
  return compareStamps(a.place.stamp, b.place.stamp) || compareText(a.id, b.id)
}

export function sameStamp(a: Stamp, b: Stamp): boolean {
  return a.counter === b.counter && a.writer === b.writer
}

function compareText(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
