/** What rests on a device's disk and in a server's folder, damaged: local database, home, stored answers. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  decodeDeviceNote,
  decodeSettings,
  encodeDeviceNote,
  encodeSettings,
} from '@pileus/client/account/contents'
import { memoryFiles } from '@pileus/client/files/memory'
import { MARKER, readMarker } from '@pileus/client/folder/marker'
import { decodeSecrets, encodeSecrets } from '@pileus/client/keys/device-secrets'
import { Replica } from '@pileus/client/replica/replica'
import { openSqliteStore } from '@pileus/client/store/node'
import { nodeCrypto as crypto, nodeRandom } from '@pileus/core/crypto/node'
import { parseId } from '@pileus/core/ids/ids'
import { createDevice } from '@pileus/core/keys/device'
import { seededRandom } from '@pileus/core/keys/fixtures'
import { SecretKey } from '@pileus/core/keys/secrets'
import { deriveZoneKeys } from '@pileus/core/keys/zone-keys'
import { fileBody, fileVersion } from '@pileus/core/records/fixtures'
import { NO_REFS } from '@pileus/core/records/refs'
import { leafOf, sealRecord } from '@pileus/core/records/seal'
import { decodeAnswer, encodeAnswer } from '@pileus/server/rules/outcome'
import { newZone, shownHead } from '@pileus/server/rules/zone-head'
import { parseAsk } from 'pileus/control/messages'
import { DATABASE_FILE, listLocally, readLocalStatus } from 'pileus/device/drive'
import { openHome } from 'pileus/home/home'
import { loadKeys } from 'pileus/home/key-file'
import { readLinkedFolder } from 'pileus/home/linked-folder'
import { readLiveReport } from 'pileus/home/live-report'
import { readSignedIn } from 'pileus/home/signed-in'
import { ofBytes, ofCbor, type Target } from './target.ts'

const utf8 = (value: unknown): Uint8Array =>
  new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value))
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
const random = seededRandom('local state')
const ZONE = parseId('zone', 'b2'.repeat(32))
const LINKED = { format: 1, folder: '/f', work: '/w', zone: ZONE, caseInsensitive: false }

/** Their files lie in a folder of their own, which goes when `Symbol.dispose` is called. */
export function localTargets(): Disposable & { readonly targets: Target[] } {
  const folder = mkdtempSync(join(tmpdir(), 'pileus-fuzz-'))
  return {
    targets: [...ofAccount(), ...ofHome(folder), ofDatabase(folder), ofMarker(), ofAnswers()],
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
}

function ofAccount(): Target[] {
  const secrets = encodeSecrets({
    account: parseId('account', '0a'.repeat(16)),
    accountZone: ZONE,
    accountKey: new SecretKey(random(32)),
    device: createDevice(crypto, random),
    deviceName: 'laptop',
  })
  return [
    ofCbor(
      'settings record',
      [encodeSettings({ zones: [{ zone: ZONE, purpose: 'drive' }] })],
      ['AccountRefused'],
      decodeSettings,
    ),
    ofCbor(
      'device record',
      [encodeDeviceNote({ name: 'laptop', removed: false })],
      ['AccountRefused'],
      decodeDeviceNote,
    ),
    ofBytes("a device's secrets", [utf8(secrets)], ['SecretsDamaged'], (bytes) =>
      decodeSecrets(crypto, text(bytes)),
    ),
    ofBytes('a word to a running sync', [utf8({ format: 1, ask: 'sync', deletions: 'hold' })], [], (bytes) =>
      parseAsk(text(bytes)),
    ),
  ]
}

function ofHome(folder: string): Target[] {
  const home = openHome(folder)
  const signedIn = {
    format: 1,
    server: 'http://a',
    name: 'ana',
    account: 'a',
    device: 'd',
    deviceName: 'x',
    keys: 'file',
  }
  const files: [string, object, () => unknown][] = [
    ['account.json', signedIn, () => readSignedIn(home)],
    ['folder.json', LINKED, () => fits(readLinkedFolder(home))],
    [
      'keys.json',
      { format: 1, keeping: 'file', clear: 'secrets' },
      () => loadKeys(home, async () => 'a passphrase'),
    ],
    ['live.json', { format: 1, now: { state: 'up-to-date' }, notes: [] }, () => readLiveReport(home)],
  ]
  return files.map(([name, good, read]) =>
    ofBytes(
      `${name} of a home`,
      [utf8(good)],
      ['Failure'],
      (bytes) => {
        writeFileSync(join(folder, name), bytes)
        return read()
      },
      0.1,
    ),
  )
}

/** What is read of the file is used as what it says it is. */
function fits(linked: ReturnType<typeof readLinkedFolder>): void {
  if (linked === null) return
  parseId('zone', linked.zone)
  join(linked.folder, linked.work)
}

/** As `pileus status` and `pileus ls` read it. */
function ofDatabase(folder: string): Target {
  const at = mkdtempSync(join(folder, 'home-'))
  const home = openHome(at)
  home.write('folder.json', JSON.stringify(LINKED))
  const path = join(at, DATABASE_FILE)
  writeDatabase(path)
  const whole = Uint8Array.from(readFileSync(path))
  return ofBytes(
    'local database',
    [whole],
    ['StoreCorrupt'],
    (bytes) => {
      for (const end of ['', '-wal', '-shm']) rmSync(path + end, { force: true })
      writeFileSync(path, bytes)
      readLocalStatus(home)
      listLocally(home, '')
    },
    0.02,
  )
}

function replicaOver(store: ReturnType<typeof openSqliteStore>): Replica {
  const keys = () => deriveZoneKeys(crypto, new SecretKey(new Uint8Array(32).fill(7)), ZONE, 1)
  return new Replica({ store, crypto, random: nodeRandom, zone: ZONE, keys, caseInsensitive: false })
}

/** A replica with some known and some pending records. */
function writeDatabase(path: string): void {
  const store = openSqliteStore(path)
  const replica = replicaOver(store)
  const keys = deriveZoneKeys(crypto, new SecretKey(new Uint8Array(32).fill(7)), ZONE, 1)
  replica.transaction('durable', (tx) => {
    for (let n = 1; n <= 12; n++) {
      const id = parseId('record', n.toString(16).padStart(32, '0'))
      const body = {
        ...fileBody([]),
        place: { ...fileBody().place, parent: parseId('record', '0'.repeat(32)), name: `file ${n}` },
      }
      const version = { ...fileVersion([]), id, zone: ZONE, body }
      if (n % 2 === 0) replica.putPending(tx, id, body, { refs: NO_REFS })
      else {
        const sealed = sealRecord(crypto, nodeRandom, keys, version, NO_REFS)
        replica.putKnown(tx, version, sealed, leafOf(crypto, sealed), n)
      }
    }
  })
  store.close()
}

function ofMarker(): Target {
  return ofBytes(
    'marker of a folder',
    [utf8(`zone ${ZONE}\n`)],
    [],
    (bytes) => {
      const files = memoryFiles({ clock: () => 0 })
      const writer = files.folder.create(MARKER)
      writer.write(bytes)
      writer.close()
      return readMarker(files.folder)
    },
    0.3,
  )
}

function ofAnswers(): Target {
  const head = shownHead(
    ZONE,
    newZone(crypto, ZONE, new Uint8Array(1), parseId('digest', '00'.repeat(32))).head,
  )
  const outcomes = [
    { kind: 'accepted', sequence: 1 },
    { kind: 'group' },
    { kind: 'missing', chunks: [parseId('chunk', '11'.repeat(32))] },
  ] as const
  return ofCbor(
    'stored answer',
    [encodeAnswer({ outcomes: [...outcomes], head })],
    ['DamagedStorage'],
    decodeAnswer,
  )
}
