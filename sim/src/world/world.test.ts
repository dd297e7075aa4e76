import { describe, expect, it } from 'vitest'
import { chanceOf } from './random.ts'
import { createHome, createWorld, type Device } from './world.ts'

const home = await createHome(chanceOf(1), 3)
const text = (t: string) => new TextEncoder().encode(t)

function write(device: Device, path: string, content: string): void {
  const { files } = device
  files.asPerson(() => {
    if (files.folder.stat(path)) files.folder.removeFile(path)
    const w = files.folder.create(path)
    w.write(text(content))
    w.close()
  })
}

export function tree(device: Device, path = '', found: Record<string, string> = {}): Record<string, string> {
  const { folder } = device.files
  for (const name of folder.list(path).names) {
    const at = path ? `${path}/${name}` : name
    const stat = folder.stat(at)!
    if (stat.type === 'folder') {
      found[`${at}/`] = ''
      tree(device, at, found)
    } else if (stat.type === 'link') found[at] = `-> ${folder.readLink(at)}`
    else {
      const reader = folder.read(at)
      const bytes = new Uint8Array(stat.size)
      reader.read(bytes, 0)
      reader.close()
      found[at] = new TextDecoder().decode(bytes)
    }
  }
  return found
}

describe('two devices', () => {
  it('converge', async () => {
    const world = await createWorld(home, chanceOf(7), 2)
    const [a, b] = world.devices as [Device, Device]
    a.files.asPerson(() => a.files.folder.makeDirectory('docs'))
    write(a, 'docs/one.txt', 'one\n')
    write(a, 'two.bin', 'two')
    console.log(await world.sync(a))
    console.log(await world.sync(b))
    expect(tree(b)).toEqual(tree(a))
    write(b, 'docs/one.txt', 'one\nmore\n')
    write(a, 'docs/three.txt', 'three')
    console.log(await world.sync(a), await world.sync(b), await world.sync(a))
    expect(tree(b)).toEqual(tree(a))
    expect(tree(a)['docs/one.txt']).toBe('one\nmore\n')
    const again = await world.sync(a)
    expect(again).toMatchObject({ pushed: 0, pulled: 0, applied: 0 })
  })
})
