/** An S3-compatible store: the Versity gateway over a folder, built once by Go from its module. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Daemon, freePort, has, listens } from './daemon.ts'
import { EngineMissing, type RunningEngine } from './engine.ts'
import { engineFolder } from './folder.ts'
import { cached, runTool } from './provision.ts'

const MODULE = 'github.com/versity/versitygw/cmd/versitygw'
const VERSION = 'v1.8.0'
const ACCESS_KEY = 'pileus'
const SECRET_KEY = 'pileus-test-secret-key'
const BUCKET = 'pileus'
const READY_MS = 30_000

/** Starts a store with one empty bucket; with `readOnly` it refuses every write. */
export async function launchS3(options: { readonly readOnly?: boolean } = {}): Promise<RunningEngine> {
  const program = join(await cached(`versitygw-${VERSION}`, `Versity gateway ${VERSION}`, build), 'versitygw')
  const folder = engineFolder('s3')
  const objects = join(folder.path, 'objects')
  const sidecar = join(folder.path, 'sidecar')
  mkdirSync(join(objects, BUCKET), { recursive: true })
  mkdirSync(sidecar)
  const port = await freePort()
  const daemon = new Daemon(
    {
      file: program,
      // Metadata rests beside the objects: not every file system of a test machine has extended attributes.
      args: [
        '--port',
        `127.0.0.1:${port}`,
        '--quiet',
        ...(options.readOnly ? ['--readonly'] : []),
        'posix',
        '--sidecar',
        sidecar,
        objects,
      ],
      env: { ROOT_ACCESS_KEY: ACCESS_KEY, ROOT_SECRET_KEY: SECRET_KEY, HOME: folder.path },
      cwd: folder.path,
    },
    () => listens(port),
    READY_MS,
  )
  try {
    await daemon.start()
  } catch (error) {
    folder.remove()
    throw error
  }
  return {
    name: 's3',
    title: `S3 (Versity gateway ${VERSION.slice(1)})`,
    settings: {
      PILEUS_S3_ENDPOINT: `http://127.0.0.1:${port}`,
      PILEUS_S3_BUCKET: BUCKET,
      PILEUS_S3_ACCESS_KEY: ACCESS_KEY,
      PILEUS_S3_SECRET_KEY: SECRET_KEY,
    },
    stop: (how) => daemon.stop(how === 'killed' ? 'SIGKILL' : 'SIGTERM'),
    start: () => daemon.start(),
    async remove() {
      await daemon.stop('SIGKILL')
      folder.remove()
    },
  }
}

async function build(folder: string): Promise<void> {
  if (!has('go'))
    throw new EngineMissing('an S3 store is built by Go, which is not installed: install go', false)
  await runTool('go', ['install', '-ldflags=-s -w', `${MODULE}@${VERSION}`], {
    cwd: folder,
    env: { GOBIN: folder },
  })
}
