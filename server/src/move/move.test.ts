/** Moves between two folders, cut off at every step, undone, and refused. On shared engines: cli/src/move.test.ts. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import {
  deviceLogIn,
  get,
  logIn,
  newChunks,
  packOf,
  pushOf,
  putPack,
  refusal,
  signUp,
} from '../api/fixtures.ts'
import { readConfig } from '../config.ts'
import { startServer } from '../start.ts'
import { sqliteZones } from '../zones/sqlite.ts'
import { blobNames, filledFolder, pathOf, sameInBoth } from './fixtures.ts'
import { move } from './move.ts'
import { openSource, openTarget, type Place } from './places.ts'
import { MoveStopped } from './stopped.ts'
import { undo } from './undo.ts'

vi.setConfig({ testTimeout: 240_000 })
const root = mkdtempSync(join(tmpdir(), 'pileus-moves-'))
afterAll(() => rmSync(root, { recursive: true }))
let folders = 0
const newFolder = () => join(root, String(++folders))
const configOf = (folder: string) => readConfig({ PILEUS_DATA: folder }, 'silent')
const ignored = () => undefined

/** Opens both ends, works with them, and closes them. */
async function between<T>(
  source: string,
  target: string,
  work: (source: Place, target: Place) => Promise<T>,
): Promise<T> {
  const from = await openSource(configOf(source))
  try {
    const to = await openTarget(configOf(target))
    try {
      return await work(from, to)
    } finally {
      await to.close()
    }
  } finally {
    await from.close()
  }
}

const moveAll = (source: string, target: string) =>
  between(source, target, (from, to) => move(from, to, ignored))
const undoAll = async (source: string, target: string) => {
  const from = await openSource(configOf(source))
  try {
    await undo(from, () => openTarget(configOf(target)))
  } finally {
    await from.close()
  }
}

class Killed extends Error {}

/** After this many calls that write, each further one throws; the last one happens all the same. */
function dying(place: Place, writes: { left: number }): Place {
  const mortal = <T extends object>(engine: T, names: readonly (keyof T)[]): T => {
    const calls = names.map((name) => {
      const call = engine[name] as (...given: unknown[]) => Promise<unknown>
      const counted = async (...given: unknown[]) => {
        const result = await call.apply(engine, given)
        if (--writes.left <= 0) throw new Killed()
        return result
      }
      return [name, counted]
    })
    return { ...engine, ...Object.fromEntries(calls) }
  }
  const { accounts, zones, blobs, live } = place.engines
  const origin = zones.origin
  const fenced = ['raise', 'replaceNote'] as const
  return {
    ...mortal(place, ['setOpaqueSetup']),
    engines: {
      accounts: { ...mortal(accounts, ['admit', 'replaceNote']), fence: mortal(accounts.fence, fenced) },
      zones: {
        ...mortal(zones, ['create', 'appendLog', 'addPack', 'commit', 'setSyncState']),
        origin: { ...origin, fence: mortal(origin.fence, fenced) },
      },
      blobs: mortal(blobs, ['put']),
      live,
    },
  }
}

let filled: Awaited<ReturnType<typeof filledFolder>>
beforeAll(async () => {
  filled = await filledFolder(newFolder())
}, 60_000)

describe('a move', () => {
  it('goes on wherever it was cut off', async () => {
    const { folder } = filled
    let cuts = 0
    for (let whole = false; !whole; cuts++) {
      const target = newFolder()
      const writes = { left: cuts + 1 }
      const first = between(folder, target, (from, to) =>
        move(dying(from, writes), dying(to, writes), ignored),
      )
      whole = await first.then(
        () => true,
        (error) => {
          if (!(error instanceof Killed)) throw error
          return false
        },
      )
      await moveAll(folder, target)
      await sameInBoth(folder, target)
      await undoAll(folder, target)
    }
    expect(cuts).toBeGreaterThan(20)
  })

  it('leaves devices, passwords and cursors as they were, and takes what comes next', async () => {
    const { ana, zone } = await filledFolderMoved()
    const server = await startServer({ data: zone.target, port: 0 })
    const { message } = await deviceLogIn(server.url, ana.device)
    const { token } = message as { token: string }
    expect(await logIn(server.url, 'ana', ana.password)).toMatchObject({ status: 200 })
    const page = await get(server.url, 'changes', { token, params: { zone: zone.zone.zone } })
    expect(page.head.sequence).toBe(9)
    const moved = { ...ana, url: server.url, token }
    const push = pushOf(moved, zone.zone, [{}], page.head)
    const { outcomes } = await get(server.url, 'push', { token, message: push })
    expect(outcomes).toEqual([{ outcome: 'accepted', sequence: 10 }])
    for (const { record } of page.changes) expect(record.refs.ids.length).toBeLessThan(3)
    await server.close()
    await expect(undoAll(zone.source, zone.target)).rejects.toThrow(/a server has been started on the target/)
  })

  it('leaves a source that answers reads and refuses changes, until it is undone', async () => {
    const { folder, ana, zone } = await filledFolder(newFolder())
    const target = newFolder()
    await moveAll(folder, target)
    const server = await startServer({ data: folder, port: 0 })
    expect(server.movedTo).toBe(`the folder ${target}`)
    const token = ((await deviceLogIn(server.url, ana.device)).message as { token: string }).token
    const page = await get(server.url, 'changes', { token, params: { zone: zone.zone } })
    expect(page.changes.length).toBeGreaterThan(5)
    const push = pushOf(ana, zone, [{}], page.head)
    expect(await refusal(server.url, 'push', { token, message: push })).toBe('503 moving')
    const pack = packOf(newChunks(1, 100))
    const put = await putPack({ ...ana, url: server.url, token }, zone.zone, pack)
    expect(put.status).toBe(503)
    expect(await blobNames(folder)).not.toContain(pack.pack)
    await expect(signUp(server.url, 'cai')).rejects.toThrow(/503 .*moving/)
    // The fence goes while the server runs, and at once.
    await undoAll(folder, target)
    await get(server.url, 'push', { token, message: push })
    await server.close()
    await expect(startServer({ data: target, port: 0 })).rejects.toThrow(/was undone/)
    await expect(moveAll(folder, target)).rejects.toThrow(/is not empty/)
    await expect(undoAll(folder, target)).rejects.toThrow(/not fenced/)
  })

  async function filledFolderMoved() {
    const { folder, ana, zone } = await filledFolder(newFolder())
    const target = newFolder()
    await moveAll(folder, target)
    return { ana, zone: { zone, source: folder, target } }
  }
})

describe('what a move refuses', () => {
  it('a target that is not empty, or already of another source', async () => {
    const { folder } = filled
    const other = await filledFolder(newFolder())
    await expect(moveAll(folder, other.folder)).rejects.toThrow(/is not empty, and what is there is not/)
    const target = newFolder()
    await moveAll(other.folder, target)
    await expect(moveAll(folder, target)).rejects.toThrow(MoveStopped)
    await expect(moveAll(other.folder, newFolder())).rejects.toThrow(/is being moved to .*go on with that/)
    const server = await startServer({ data: folder, port: 0 })
    expect(server.movedTo).toBeNull()
    await server.close()
  })

  it('to serve a target that is not complete; and completing what was undone meanwhile', async () => {
    const { folder } = await filledFolder(newFolder())
    const target = newFolder()
    const run = between(folder, target, (from, to) =>
      move(from, to, ({ step }) => {
        if (step === 'fenced') throw new Killed()
      }),
    )
    await expect(run).rejects.toThrow(Killed)
    await expect(startServer({ data: target, port: 0 })).rejects.toThrow(
      /is not complete; run "pileus-server/,
    )
    const second = between(folder, target, async (from, to) => {
      // Somebody takes it back while the copying goes on.
      const admit: Place['engines']['accounts']['admit'] = async (whole) => {
        await undo(from, () => Promise.reject(new Error('the target is not needed')))
        return to.engines.accounts.admit(whole)
      }
      let undone = false
      const accounts = {
        ...to.engines.accounts,
        admit: (whole: Parameters<typeof admit>[0]) => {
          if (undone) return to.engines.accounts.admit(whole)
          undone = true
          return admit(whole)
        },
      }
      return move(from, { ...to, engines: { ...to.engines, accounts } }, ignored)
    })
    await expect(second).rejects.toThrow(/was undone while it went on/)
    await expect(startServer({ data: target, port: 0 })).rejects.toThrow(/is not complete/)
    const server = await startServer({ data: folder, port: 0 })
    expect(server.movedTo).toBeNull()
    await server.close()
  })

  it('a damaged pack, by its name, and goes on once it is whole again', async () => {
    const { folder } = await filledFolder(newFolder())
    const target = newFolder()
    const [name] = (await blobNames(folder)).slice(-1)
    const path = join(folder, 'blobs', await pathOf(folder, name!))
    truncateSync(path, 7)
    await expect(moveAll(folder, target)).rejects.toThrow(
      new RegExp(`^pack ${name} of zone .* is damaged in the source: restore this object`),
    )
  })

  it('rows of the target that somebody changed', async () => {
    const { folder, zone } = await filledFolder(newFolder())
    const target = newFolder()
    const run = between(folder, target, (from, to) => {
      const commit: typeof to.engines.zones.commit = async (given) => {
        const versions = given.versions.map((version) => ({ ...version, storedAt: version.storedAt + 1 }))
        return to.engines.zones.commit({ ...given, versions })
      }
      return move(
        from,
        { ...to, engines: { ...to.engines, zones: { ...to.engines.zones, commit } } },
        ignored,
      )
    })
    await expect(run).rejects.toThrow(/^records of zone .* is not in the target as it is in the source/)
    const zones = sqliteZones(join(folder, 'zones.db'))
    expect((await zones.head(zone.zone))!.sequence).toBe(9)
    await zones.close()
  })
})

describe('the command', () => {
  async function run(source: string, ...args: readonly string[]) {
    const main = join(import.meta.dirname, '../../bin/pileus-server.mjs')
    const child = spawn(process.execPath, [main, 'move', ...args], {
      env: { ...process.env, PILEUS_DATA: source },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text
      })
    const [code] = await once(child, 'close')
    return { code, output }
  }
  function settings(...lines: readonly string[]): string {
    const file = `${newFolder()}.env`
    writeFileSync(file, lines.join('\n'))
    return file
  }

  it('moves, tells what to do now, and moves nothing twice', async () => {
    const { folder } = await filledFolder(newFolder())
    const file = settings(`PILEUS_DATA=${newFolder()}`)
    const first = await run(folder, '--to', file)
    expect(first).toMatchObject({ code: 0 })
    expect(first.output).toMatch(
      /Fenced: .*\n(.*\n)*Copied 3 of 3 zones, 3\.\d of 3\.\d MB\.\n(.*\n)*Verified: /,
    )
    expect(first.output).toContain(`PILEUS_CONFIG=${file} npm start`)
    expect((await run(folder, '--to', file)).output).toContain('This move was complete before.')
    const undone = await run(folder, '--to', file, '--undo')
    expect(undone).toEqual({ code: 0, output: expect.stringMatching(/^The fence is gone: the folder /) })
  })

  it('says in one sentence what is wrong, and what became of the source', async () => {
    const { folder } = filled
    const unreachable = 'PILEUS_ACCOUNTS=postgres\nPILEUS_POSTGRES_URL=postgres://a:b@127.0.0.1:1/c'
    const cases: [string, RegExp][] = [
      [
        settings(`PILEUS_DATA=${folder}`),
        /^The target keeps its accounts where the source does, in the folder /,
      ],
      [
        settings(unreachable, `PILEUS_DATA=${newFolder()}`),
        /^Cannot reach the PostgreSQL server at 127\.0\.0\.1:1: /,
      ],
      [settings('PILEUS_ZONES=paper'), /^.*\.env: PILEUS_ZONES is "paper", expected one of /],
      [join(root, 'nowhere.env'), /names a file that cannot be read/],
    ]
    for (const [file, sentence] of cases) {
      const { code, output } = await run(folder, '--to', file)
      expect(output).toMatch(sentence)
      expect(output).not.toMatch(/^\s+at /m)
      expect(code).toBe(1)
    }
    expect(await run(newFolder(), '--to', settings(`PILEUS_DATA=${newFolder()}`))).toEqual({
      code: 1,
      output: expect.stringMatching(/^There is nothing in the data folder /),
    })
    expect(await run(folder)).toMatchObject({ code: 2, output: expect.stringMatching(/^Usage: /) })
    expect(await run(folder, '--help')).toMatchObject({ code: 0, output: expect.stringMatching(/^Usage: /) })
  })
})
