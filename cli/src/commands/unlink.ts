/** `pileus unlink`: stops syncing the folder. Its files stay, here and on the server. */
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { removeMarker } from '@pileus/client/folder/marker'
import { STASH_DIRECTORY } from '@pileus/client/folder/place'
import { lockFolder } from '@pileus/client/keys/node-folder-lock'
import type { Context } from '../context.ts'
import { DATABASE_FILE, nodeFilesOf } from '../device/drive.ts'
import { forgetLinkedFolder, requireLinkedFolder } from '../home/linked-folder.ts'

export async function unlink(context: Context): Promise<undefined> {
  const { home } = context
  const linked = requireLinkedFolder(home)
  using _lock = lockFolder(home.path)
  const isThere = existsSync(linked.folder)
  if (isThere) removeMarker(nodeFilesOf(linked))
  const stash = join(linked.work, STASH_DIRECTORY)
  const kept = existsSync(stash) && readdirSync(stash).length > 0 ? stash : null
  forgetLinkedFolder(home, linked.folder)
  for (const suffix of ['', '-wal', '-shm']) home.remove(`${DATABASE_FILE}${suffix}`)
  if (kept === null) rmSync(linked.work, { recursive: true, force: true })
  const lines = [`${JSON.stringify(linked.folder)} is not synced any more. Its files stay as they are.`]
  if (!isThere) lines.push('The folder is not there now; its marker file .pileus goes on standing in it.')
  if (kept !== null) lines.push(`Versions that syncing displaced are kept in ${JSON.stringify(kept)}.`)
  context.out.done(lines, { folder: linked.folder, displaced: kept })
}
