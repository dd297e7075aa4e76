/** The fence of engines in memory: it stands before their writing calls. */
import { EngineFenced } from './engine-errors.ts'
import type { Fence } from './fence.ts'

type Call = (...given: never[]) => Promise<unknown>

/** The same calls; those of `writes` reject with EngineFenced while the fence stands. */
export function behindFence<T extends object>(
  what: string,
  calls: T,
  writes: readonly (keyof T)[],
): T & { readonly fence: Fence } {
  let standing: string | null = null
  const guarded = Object.fromEntries(
    writes.map((name) => {
      const call = calls[name] as Call
      const checked: Call = async (...given) => {
        if (standing !== null) throw new EngineFenced(what)
        return call(...given)
      }
      return [name, checked]
    }),
  )
  const fence: Fence = {
    async raise(note) {
      standing = note
    },
    note: async () => standing,
    async replaceNote(expected, next) {
      if (standing !== expected) return false
      standing = next
      return true
    },
    async lower() {
      standing = null
    },
  }
  return { ...calls, ...guarded, fence }
}
