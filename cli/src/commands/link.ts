/** `pileus link`: makes a folder the synced folder of this device. */
import { ensureDrive } from '@pileus/client/account/zone'
import { writeMarker } from '@pileus/client/folder/marker'
import { lockFolder } from '@pileus/client/keys/node-folder-lock'
import type { Context } from '../context.ts'
import { openDevice } from '../device/device.ts'
import { nodeFilesOf } from '../device/drive.ts'
import { Failure } from '../failures/failure.ts'
import { folderToLink, readLinkedFolder, writeLinkedFolder } from '../home/linked-folder.ts'
import { requireSignedIn } from '../home/signed-in.ts'
import { workAreaFor } from '../home/work-area.ts'

export async function link(context: Context, asked: string): Promise<undefined> {
  const { home } = context
  requireSignedIn(home)
  const { folder, created } = folderToLink(home, asked)
  const before = readLinkedFolder(home)
  if (before !== null && before.folder !== folder) {
    throw new Failure(
      'usage',
      'already-linked',
      `This device syncs ${JSON.stringify(before.folder)} already: run \`pileus unlink\` first, or give the other folder a device of its own with --home.`,
    )
  }
  const device = await openDevice(context)
  using _lock = lockFolder(home.path)
  const zone = await ensureDrive(device.connection)
  const work = workAreaFor(home, folder)
  const files = nodeFilesOf({ folder, work })
  writeMarker(files, zone)
  const linked = { folder, work, zone, caseInsensitive: files.caseInsensitive() }
  writeLinkedFolder(home, linked)
  context.out.done(
    [
      `${JSON.stringify(folder)} is ${created ? 'created, and ' : ''}the synced folder of this device now.`,
      `Next: ${context.called} sync --once`,
    ],
    { folder, zone, created },
  )
}
