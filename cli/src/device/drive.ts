/** The synced folder of a home, opened. */

import { chmodSync, closeSync, openSync, statSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import {
  type Drive,
  type DriveStatus,
  driveStatus,
  hasHeard,
  type ListedNode,
  listPath,
  openDrive,
} from '@pileus/client/drive/drive'
import { openDriveZone } from '@pileus/client/drive/zone'
import { nodeFiles } from '@pileus/client/files/node'
import { lockFolder } from '@pileus/client/keys/node-folder-lock'
import type { DirectReadsParts } from '@pileus/client/remote/direct'
import { httpRemote } from '@pileus/client/remote/http'
import { Replica } from '@pileus/client/replica/replica'
import { openSqliteStore } from '@pileus/client/store/node'
import { type Store, StoreCorrupt } from '@pileus/client/store/store'
import { workerAssembler } from '@pileus/client/transfer/assembling/node-assembler'
import { workerSealing } from '@pileus/client/transfer/sealing/node-workers'
import { nodeCrypto, nodeRandom } from '@pileus/core/crypto/node'
import { parseId } from '@pileus/core/ids/ids'
import { Failure } from '../failures/failure.ts'
import type { Home } from '../home/home.ts'
import { type LinkedFolder, requireLinkedFolder } from '../home/linked-folder.ts'
import type { Device } from './device.ts'

export const DATABASE_FILE = 'drive.db'

export interface OpenedDrive extends Disposable {
  readonly drive: Drive
}

/** Opens the drive for a sync; `direct` is how content is read elsewhere than at the server. To be called under the lock of the home; throws FolderBusy when another has the folder's. */
export async function openLinkedDrive(
  device: Device,
  home: Home,
  linked: LinkedFolder,
  direct: DirectReadsParts,
): Promise<OpenedDrive> {
  using opening = new DisposableStack()
  // A folder that is gone cannot be locked; the drive says so in better words.
  if (nodeFilesOf(linked).folder.stat('') !== null) opening.use(lockFolder(linked.folder))
  const zone = await openDriveZone(device.connection, parseId('zone', linked.zone))
  const store = opening.adopt(openDatabase(home), (open) => open.close())
  const { context, calls, device: keys } = device.connection
  const places = { folder: linked.folder, work: linked.work }
  const drive = openDrive({
    files: nodeFilesOf(linked),
    openSealing: workerSealing(places),
    openAssembler: workerAssembler(places),
    remote: httpRemote(calls, direct),
    store,
    crypto: context.crypto,
    random: context.random,
    clock: context.clock,
    breathe: () => setImmediate(),
    zone,
    deviceSeed: keys.device.seed,
    deviceName: keys.deviceName,
  })
  const opened = opening.move()
  return { drive, [Symbol.dispose]: () => opened.dispose() }
}

/** What the local database says, without keys and without the server. */
export function readLocalStatus(home: Home): DriveStatus {
  return readReplica(home, driveStatus)
}

/**
 * What a folder of the account holds as this device last saw it; null for all of it where it never did. Throws Failure for
 * a path that is not there.
 */
export function listLocally(home: Home, path: string): ListedNode[] | null {
  return readReplica(home, (replica) => {
    if (!hasHeard(replica)) return null
    try {
      return listPath(replica, path)
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'not-found')) throw error
      const quoted = JSON.stringify(path)
      throw new Failure(
        'usage',
        'no-such-path',
        `Nothing is called ${quoted} there: \`pileus ls\` lists what is.`,
        error,
      )
    }
  })
}

function readReplica<T>(home: Home, read: (replica: Replica) => T): T {
  const linked = requireLinkedFolder(home)
  const store = openDatabase(home)
  try {
    const replica = new Replica({
      store,
      crypto: nodeCrypto,
      random: nodeRandom,
      zone: parseId('zone', linked.zone),
      keys: () => {
        throw new Error('nothing is sealed while only reading')
      },
      caseInsensitive: linked.caseInsensitive,
    })
    return read(replica)
  } catch (error) {
    // Rows that can be read one by one and contradict each other: only damage makes such.
    if (error instanceof TypeError || error instanceof RangeError)
      throw new StoreCorrupt(home.at(DATABASE_FILE), error)
    throw error
  } finally {
    store.close()
  }
}

/** The local database. It holds names, so only this user may read it; SQLite gives its own files the same mode. */
function openDatabase(home: Home): Store {
  const path = home.at(DATABASE_FILE)
  closeSync(openSync(path, 'a', 0o600))
  if ((statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o600)
  return openSqliteStore(path)
}

/** The disk of a linked folder. */
export function nodeFilesOf(linked: { readonly folder: string; readonly work: string }) {
  return nodeFiles({ folder: linked.folder, work: linked.work })
}
