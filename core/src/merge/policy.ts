/** Which conflict policy a file falls under, by its kind. */
import { splitExtension } from '../tree/names.ts'

/**
 * text: three-way merge, what clashes is kept twice · photo: keep both · document: the later modification
 * keeps the name · other: keep both and let the person choose.
 */
export type Policy = 'text' | 'photo' | 'document' | 'other'

const BY_EXTENSION: Readonly<Record<Exclude<Policy, 'other'>, string>> = {
  text:
    'txt md markdown rst adoc org tex csv tsv json yaml yml toml ini cfg conf env xml svg html htm css scss less ' +
    'js mjs cjs jsx ts mts cts tsx vue svelte c h cc cpp hpp cs java kt scala go rs rb py pl php lua sh bash zsh ' +
    'fish sql r jl swift m mm hs ml ex exs erl clj lisp el vim diff patch log gitignore dockerfile makefile srt vtt',
  photo: 'jpg jpeg png gif webp heic heif avif tif tiff bmp raw cr2 cr3 nef arw dng orf rw2 raf mov mp4 m4v',
  document: 'doc docx dot dotx odt ott rtf xls xlsx ods ppt pptx odp pdf pages numbers key epub vsdx drawio',
}

const POLICIES = new Map<string, Policy>(
  Object.entries(BY_EXTENSION).flatMap(([policy, extensions]) =>
    extensions.split(' ').map((extension) => [extension, policy as Policy] as const),
  ),
)

/** The policy for a file of this name, by its extension; a name without one is judged whole (`Makefile`). */
export function policyFor(name: string): Policy {
  const { base, extension } = splitExtension(name)
  const word = (extension === '' ? base : extension).replace(/^\./, '').toLowerCase()
  return POLICIES.get(word) ?? 'other'
}
