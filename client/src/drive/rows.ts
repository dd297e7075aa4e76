/** What the disk shows, as registers and rows. */
import type { RecordId } from '@pileus/core/ids/ids'
import type { Attributes, Content } from '@pileus/core/records/record'
import type { Stat } from '../files/files.ts'
import type { DiskRow } from '../replica/tables.ts'
import type { Ingested } from '../transfer/ingest.ts'

/** The content register of a file that was read, made from the version `base` on the device `by`. */
export function contentOf(ingested: Ingested, base: string, by: string): Content {
  const { hash, size, list } = ingested
  return { type: 'chunks', hash, size, list, base, by }
}

export function attributesOf(stat: Stat): Attributes {
  return { mtime: stat.mtime, executable: stat.type === 'file' && stat.executable }
}

/** The row of a folder as it is on the disk. */
export function folderRow(
  parent: RecordId,
  name: string,
  attributes: Attributes,
  stat: Stat,
  version: string,
): DiskRow {
  const { identity, signature } = stat
  return { kind: 'folder', parent, name, sameness: '', attributes, size: 0, identity, signature, version }
}

/** The row of a file as it is on the disk. */
export function fileRow(
  parent: RecordId,
  name: string,
  sameness: string,
  stat: Stat,
  version: string,
): DiskRow {
  const { size, identity, signature } = stat
  return {
    kind: 'file',
    parent,
    name,
    sameness,
    attributes: attributesOf(stat),
    size,
    identity,
    signature,
    version,
  }
}
