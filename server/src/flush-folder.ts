import { open } from 'node:fs/promises'

/** Resolves once the names in this folder are durable: what was made, renamed and removed in it. */
export async function flushFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
