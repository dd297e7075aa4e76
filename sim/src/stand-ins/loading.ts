/**
 * What the simulator loads in place of other modules, and texts that it replaces while it loads a source. Nothing in
 * the product knows of it. Chunks, lists, pages and batches are small, so that a few kilobytes have many of them;
 * public-key encryption and password stretching are cheap, because a run opens hundreds of zones.
 */
import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'

/** A text that stands once in a file, and what takes its place. */
export interface Replacement {
  /** From the root of the repository. */
  readonly file: string
  readonly find: string
  readonly put: string
}

const ROOT = new URL('../../../', import.meta.url).href

const STAND_INS: Readonly<Record<string, string>> = {
  'core/src/crypto/hpke.ts': 'sim/src/stand-ins/hpke.ts',
  'core/src/crypto/xwing.ts': 'sim/src/stand-ins/xwing.ts',
  'client/src/account/password.ts': 'sim/src/stand-ins/password.ts',
}

const limit = (find: string, put: string): Replacement => ({ file: 'core/src/limits.ts', find, put })

const SMALL: readonly Replacement[] = [
  limit('CHUNK_MIN_BYTES = 64 * KiB', 'CHUNK_MIN_BYTES = 256'),
  limit('CHUNK_TARGET_BYTES = 256 * KiB', 'CHUNK_TARGET_BYTES = 512'),
  limit('CHUNK_MAX_BYTES = 4 * MiB', 'CHUNK_MAX_BYTES = 1 * KiB'),
  limit('LIST_INLINE_ENTRIES = 256', 'LIST_INLINE_ENTRIES = 6'),
  limit('LIST_NODE_ENTRIES = 4_096', 'LIST_NODE_ENTRIES = 6'),
  limit('REFS_INLINE_IDS = 512', 'REFS_INLINE_IDS = 8'),
  limit('REFS_NODE_IDS = 8_192', 'REFS_NODE_IDS = 12'),
  limit('BATCH_MAX_RECORDS = 1_000', 'BATCH_MAX_RECORDS = 14'),
  limit('PAGE_MAX_RECORDS = 1_000', 'PAGE_MAX_RECORDS = 9'),
  limit('STEPS_PAGE_MAX = 65_536', 'STEPS_PAGE_MAX = 7'),
  limit('CHUNK_IDS_MAX = 4_096', 'CHUNK_IDS_MAX = 12'),
  limit('LIVE_NEWS_MAX_BYTES = 64 * KiB', 'LIVE_NEWS_MAX_BYTES = 4 * KiB'),
  { file: 'core/src/content/gear.ts', find: '(32 - 14)', put: '(32 - 5)' },
  { file: 'core/src/content/chunker.ts', find: 'VERDICT_MASK = 0b1111', put: 'VERDICT_MASK = 0b111' },
]

/** Loads stand-ins and small limits from now on, and these replacements besides. Throws where a text is not found. */
export function loadSimulated(planted: readonly Replacement[] = []): void {
  const replacements = [...SMALL, ...planted]
  for (const replacement of replacements)
    replace(readFileSync(new URL(replacement.file, ROOT), 'utf8'), replacement)
  registerHooks({
    resolve(specifier, context, next) {
      const found = next(specifier, context)
      const standIn = STAND_INS[pathOf(found.url)]
      return standIn === undefined ? found : { ...found, url: new URL(standIn, ROOT).href }
    },
    load(url, context, next) {
      const loaded = next(url, context)
      const here = replacements.filter(({ file }) => file === pathOf(url))
      if (here.length === 0) return loaded
      const source = here.reduce(replace, new TextDecoder().decode(bytesOf(loaded.source)))
      return { ...loaded, source }
    },
  })
}

function pathOf(url: string): string {
  return url.startsWith(ROOT) ? url.slice(ROOT.length) : url
}

function bytesOf(source: string | ArrayBuffer | NodeJS.TypedArray | undefined): Uint8Array {
  if (source === undefined) throw new Error('a module was loaded without its source')
  if (typeof source === 'string') return new TextEncoder().encode(source)
  return source instanceof ArrayBuffer
    ? new Uint8Array(source)
    : new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
}

function replace(text: string, { file, find, put }: Replacement): string {
  const parts = text.split(find)
  if (parts.length === 2) return parts.join(put)
  const times = parts.length - 1
  throw new Error(
    `${file} has the text ${JSON.stringify(find)} ${times} times, where the simulator replaces one: say which is meant now`,
  )
}
