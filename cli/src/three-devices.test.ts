/** One account on three devices that all stay in sync and are all worked on at once: processes of their own. */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { household } from './story/household.ts'
import type { DeviceOf } from './story/person.ts'
import { describeTree, differences, outlineTree } from './story/tree.ts'

const home = household('three')
const WITHIN = { timeout: 120_000, interval: 500 }
const NAMES = ['laptop', 'desktop', 'phone']
const ROUNDS = 60

const devices: DeviceOf[] = []

beforeAll(async () => {
  for (const name of NAMES) devices.push(await home.join(name))
  await Promise.all(devices.map((device) => home.liveNow(device)))
})

/** Every file of this device, with its text. */
function texts({ folder }: DeviceOf): Map<string, string> {
  const found = new Map<string, string>()
  for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (path === '.pileus') continue
    try {
      found.set(path, readFileSync(join(folder, path), 'utf8'))
    } catch (error) {
      // A folder, or a file that was moved on just now.
      if (!['EISDIR', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
    }
  }
  return found
}

function trees(treeOf = describeTree): string[] {
  try {
    const [first, ...others] = devices.map(({ folder }) => treeOf(folder))
    return others.flatMap((other) => differences(first!, other))
  } catch {
    return ['a file went away while it was read']
  }
}

/** All are equal, and stay so while nobody has anything to do. */
async function comeToRest(): Promise<void> {
  await expect.poll(() => trees(outlineTree), WITHIN).toEqual([])
  for (const device of devices) await device.step('sync --once')
  await expect.poll(() => trees(), WITHIN).toEqual([])
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

/** Every text that nobody replaced or deleted has to be somewhere in the end, whatever its file is called. */
function expectKept(written: Iterable<string>): void {
  const all = [...texts(devices[0]!).values()].join('\n')
  const lost = [...written].filter((text) => !all.includes(text))
  expect(lost).toEqual([])
}

test('three people at work in the same folders at once: all end equal, and no content is lost', {
  timeout: 300_000,
}, async () => {
  const kept = new Set<string>()
  mkdirSync(join(devices[0]!.folder, 'shared/below'), { recursive: true })
  for (let n = 0; n < 30; n++) writeFileSync(join(devices[0]!.folder, 'shared', `file ${n}`), `first of ${n}`)
  await expect.poll(() => devices.every((device) => texts(device).size === 30), WITHIN).toBe(true)

  const person = async (device: DeviceOf, who: number) => {
    const at = (path: string) => join(device.folder, path)
    for (let round = 0; round < ROUNDS; round++) {
      const text = `${NAMES[who]} ${round} ${'x'.repeat(round * 37)}`
      // New files side by side in one folder, none of which is touched again.
      writeFileSync(at(`shared/${NAMES[who]} ${round}`), text)
      kept.add(text)
      // Edits of files that are one person's.
      if (round % 3 === 0) writeFileSync(at(`shared/file ${who * 10 + (round % 10)}`), `edited by ${text}`)
      // Folders that come, are filled and are renamed while others write in the one above.
      if (round % 10 === 5) {
        mkdirSync(at(`shared/${NAMES[who]} folder ${round}`))
        writeFileSync(at(`shared/${NAMES[who]} folder ${round}/inside`), `inside ${text}`)
        kept.add(`inside ${text}`)
        await pause(40)
        renameSync(at(`shared/${NAMES[who]} folder ${round}`), at(`shared/below/${NAMES[who]} ${round}`))
      }
      // A file that is moved about.
      if (round % 10 === 8)
        renameSync(at(`shared/${NAMES[who]} ${round}`), at(`shared/below/moved ${NAMES[who]} ${round}`))
      await pause(20 + ((round * 7 + who * 13) % 50))
    }
  }
  await Promise.all(devices.map((device, who) => person(device, who)))
  await comeToRest()
  expectKept(kept)
  // Nobody's file was edited by two, so there is no conflict in it.
  const conflicts = [...texts(devices[0]!).keys()].filter((path) => path.includes('conflicted copy'))
  expect(conflicts).toEqual([])
  for (const who of [0, 1, 2])
    expect(texts(devices[2]!).get(`shared/file ${who * 10 + 7}`)).toMatch(`edited by ${NAMES[who]} 57`)
})

test('scenario 14: edits of the same files at the same moment: each version is kept, in place or as a conflict copy', {
  timeout: 300_000,
}, async () => {
  const last = new Set<string>()
  for (let n = 0; n < 12; n++) {
    const name = `contested ${n}.bin`
    for (const [who, device] of devices.entries()) {
      const text = `\u0001version of ${NAMES[who]} of ${n}\u0002`
      writeFileSync(join(device.folder, name), text)
      last.add(text)
    }
    await pause(n % 2 === 0 ? 10 : 150)
  }
  await comeToRest()
  expectKept(last)
  for (const device of devices) expect(existsSync(join(device.folder, 'contested 0.bin'))).toBe(true)
})

test('one renames a folder, one edits in it, one adds to it, at the same moment: all of it holds', {
  timeout: 300_000,
}, async () => {
  const [laptop, desktop, phone] = devices as [DeviceOf, DeviceOf, DeviceOf]
  for (let n = 0; n < 5; n++) {
    mkdirSync(join(laptop.folder, `project ${n}`))
    writeFileSync(join(laptop.folder, `project ${n}/plan`), `plan ${n}`)
  }
  await comeToRest()
  for (let n = 0; n < 5; n++) {
    renameSync(join(laptop.folder, `project ${n}`), join(laptop.folder, `renamed ${n}`))
    writeFileSync(join(desktop.folder, `project ${n}/plan`), `better plan ${n}`)
    writeFileSync(join(phone.folder, `project ${n}/idea`), `idea ${n}`)
  }
  await comeToRest()
  for (const device of devices) {
    for (let n = 0; n < 5; n++) {
      expect(readFileSync(join(device.folder, `renamed ${n}/plan`), 'utf8')).toBe(`better plan ${n}`)
      expect(readFileSync(join(device.folder, `renamed ${n}/idea`), 'utf8')).toBe(`idea ${n}`)
      expect(existsSync(join(device.folder, `project ${n}`))).toBe(false)
    }
  }
})
