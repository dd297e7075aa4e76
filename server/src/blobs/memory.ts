/** Blobs in memory: for tests and the simulator. */
import { DamagedStorage } from '../engine-errors.ts'
import { type BlobKey, BlobMissing, type Blobs } from './blobs.ts'

/** A new, empty engine. */
export function memoryBlobs(): Blobs {
  const objects = new Map<string, Uint8Array>()
  return {
    async put(key, bytes) {
      const parts: Uint8Array[] = []
      for await (const part of bytes) parts.push(new Uint8Array(part))
      if (!objects.has(path(key))) objects.set(path(key), Buffer.concat(parts))
    },
    async read(key, offset, into) {
      const object = objects.get(path(key))
      if (!object) throw new BlobMissing(key)
      const end = offset + into.length
      if (end > object.length) {
        throw new DamagedStorage(`object ${key.object} ends at ${object.length}, not ${end}`)
      }
      into.set(object.subarray(offset, end))
    },
    async exists(key) {
      return objects.has(path(key))
    },
    async remove(key) {
      objects.delete(path(key))
    },
    async check() {},
    async close() {},
  }
}

function path(key: BlobKey): string {
  return `${key.zone}/${key.object}`
}
