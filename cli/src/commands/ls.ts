/** `pileus ls`: a folder as this device last saw it on the account. */
import type { ListedNode } from '@pileus/client/drive/drive'
import type { Context } from '../context.ts'
import { listLocally } from '../device/drive.ts'
import { requireSignedIn } from '../home/signed-in.ts'
import { columns, formatBytes, printable } from '../terminal/format.ts'

export async function ls(context: Context, path: string): Promise<undefined> {
  requireSignedIn(context.home)
  const known = listLocally(context.home, path)
  if (known === null)
    context.out.note('Nothing is known of the account here yet: `pileus sync --once` fetches what it holds.')
  const nodes = known ?? []
  context.out.result(columns(nodes.map(row)), { path, entries: nodes })
}

function row(node: ListedNode): string[] {
  const name = printable(node.name)
  const time = new Date(node.mtime / 1_000)
  const modified = Number.isNaN(time.getTime()) ? '' : time.toISOString().slice(0, 16).replace('T', ' ')
  switch (node.kind) {
    case 'folder':
      return ['', '', `${name}/`]
    case 'link':
      return ['', modified, `${name} -> ${printable(node.target ?? '')}`]
    case 'file':
      return [formatBytes(node.size ?? 0).padStart(8), modified, node.executable ? `${name}*` : name]
  }
}
