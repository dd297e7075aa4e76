/** Test helper: a real folder on a disk that takes `a` and `A` for one name. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface CaselessDisk {
  /** An empty folder there. */
  readonly path: string
  /** What kind of disk it is, in a few words. */
  readonly kind: string
  /** Takes it away, with all that is on it. */
  remove(): void
}

const IMAGE_BYTES = 64 * 1024 * 1024

/**
 * The first that there is of: the temporary folder itself, as on macOS; the folder that PILEUS_CASELESS_FOLDER names; a new ext4
 * image with folding, which takes Linux with Unicode tables and the right to mount. Else why there is none, in one line.
 */
export function caselessDisk(): CaselessDisk | string {
  if (foldsCase(tmpdir())) return within(tmpdir(), 'the temporary folder')
  const named = process.env.PILEUS_CASELESS_FOLDER
  if (named) {
    if (!foldsCase(named)) throw new Error(`PILEUS_CASELESS_FOLDER, ${named}, tells a from A`)
    return within(named, 'PILEUS_CASELESS_FOLDER')
  }
  try {
    return foldingExt4(mkdtempSync(join(tmpdir(), 'pileus-caseless-')))
  } catch (error) {
    const said = String((error as { stderr?: unknown }).stderr ?? '').trim() || String(error)
    return said.split('\n')[0]!
  }
}

function within(folder: string, kind: string): CaselessDisk {
  const path = mkdtempSync(join(folder, 'pileus-caseless-'))
  return { path, kind, remove: () => rmSync(path, { recursive: true, force: true }) }
}

/** On an image in this folder, which goes with it, or at once where it cannot be. */
function foldingExt4(folder: string): CaselessDisk {
  const [image, mount] = [join(folder, 'image'), join(folder, 'mount')]
  const path = join(mount, 'folding')
  const run = (command: string, ...args: string[]) => execFileSync(command, args, { stdio: 'pipe' })
  let mounted = false
  const remove = () => {
    if (mounted) run('umount', mount)
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    writeFileSync(image, '')
    truncateSync(image, IMAGE_BYTES)
    run('mkfs.ext4', '-q', '-O', 'casefold', '-E', 'encoding=utf8', image)
    mkdirSync(mount)
    run('mount', '-o', 'loop', image, mount)
    mounted = true
    mkdirSync(path)
    run('chattr', '+F', path)
  } catch (error) {
    remove()
    throw error
  }
  return { path, kind: 'ext4 with folding', remove }
}

function foldsCase(folder: string): boolean {
  const probe = mkdtempSync(join(folder, 'probe-'))
  try {
    return existsSync(join(folder, probe.slice(folder.length + 1).toUpperCase()))
  } finally {
    rmSync(probe, { recursive: true })
  }
}
