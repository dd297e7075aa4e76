/**
 * What changed a head last, kept in the head itself: other tables follow a change after it was decided, and whoever meets
 * a change they may not have followed yet makes them follow, before reading them and before the next change.
 */
import { decodeCbor, encodeCbor } from '@pileus/core/bytes/cbor'

export type LastChange =
  | { readonly kind: 'none' }
  /** A commit: its rows are there, its indexes and its fate follow. Its id is the change's. */
  | { readonly kind: 'commit'; readonly bucket: number; readonly first: number; readonly last: number }
  /** A pack was counted: its row follows. */
  | { readonly kind: 'pack'; readonly pack: string; readonly chunks: number; readonly bytes: number }
  /** Versions were given back: their rows go. */
  | { readonly kind: 'prune'; readonly versions: readonly Pruned[] }

export interface Pruned {
  readonly bucket: number
  readonly sequence: number
  readonly commit: string
  readonly record: string
  /** When it was replaced, which is its place in the queue. */
  readonly at: number
}

export function encodeChange(change: LastChange): Uint8Array {
  switch (change.kind) {
    case 'none':
      return encodeCbor(['n'])
    case 'commit':
      return encodeCbor(['c', change.bucket, change.first, change.last])
    case 'pack':
      return encodeCbor(['p', change.pack, change.chunks, change.bytes])
    case 'prune':
      return encodeCbor([
        'f',
        change.versions.map(({ bucket, sequence, commit, record, at }) => [
          bucket,
          sequence,
          commit,
          record,
          at,
        ]),
      ])
  }
}

type Encoded =
  | ['n']
  | ['c', number, number, number]
  | ['p', string, number, number]
  | ['f', [number, number, string, string, number][]]

/** Reads what `encodeChange` wrote. */
export function decodeChange(bytes: Uint8Array): LastChange {
  const encoded = decodeCbor(bytes) as unknown as Encoded
  switch (encoded[0]) {
    case 'n':
      return { kind: 'none' }
    case 'c':
      return { kind: 'commit', bucket: encoded[1], first: encoded[2], last: encoded[3] }
    case 'p':
      return { kind: 'pack', pack: encoded[1], chunks: encoded[2], bytes: encoded[3] }
    case 'f':
      return {
        kind: 'prune',
        versions: encoded[1].map(([bucket, sequence, commit, record, at]) => ({
          bucket,
          sequence,
          commit,
          record,
          at,
        })),
      }
  }
}
