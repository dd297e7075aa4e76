/** `pileus completion`: scripts for shells, made from the command line's own definition. */
import type { Command } from 'commander'
import type { Context } from '../context.ts'
import { Failure } from '../failures/failure.ts'

interface Word {
  /** Words before it: [] for a command, ['devices'] for its subcommands. */
  readonly after: readonly string[]
  readonly word: string
  readonly description: string
  /** What may follow this option: a folder, one of some words, or a text that nobody can know; null for what stands alone. */
  readonly takes: 'folder' | readonly string[] | null
}

export async function completion(context: Context, shell: string, program: Command): Promise<undefined> {
  const write = SHELLS[shell]
  if (write === undefined) {
    throw new Failure(
      'usage',
      'unknown-shell',
      `No completion for ${JSON.stringify(shell)}: choose bash, zsh or fish.`,
    )
  }
  const script = write([...words(program), ...argumentWords(program)])
  context.out.result([script], { shell, script })
}

function words(command: Command, after: readonly string[] = []): Word[] {
  const found: Word[] = []
  for (const option of command.options) {
    if (!option.long) continue
    const value = option.flags.endsWith('<dir>') ? 'folder' : (option.argChoices ?? [])
    const takes = option.required ? value : null
    found.push({ after, word: option.long, description: option.description, takes })
  }
  for (const child of command.commands) {
    found.push({ after, word: child.name(), description: child.description(), takes: null })
    found.push(...words(child, [...after, child.name()]))
  }
  return found
}

/** Arguments that are one of a few. */
function argumentWords(program: Command): Word[] {
  const word = (after: string, name: string, description: string): Word => {
    return { after: [after], word: name, description, takes: null }
  }
  return [
    ...Object.keys(SHELLS).map((shell) => word('completion', shell, `completion for ${shell}`)),
    ...program.commands.map((child) => word('help', child.name(), child.description())),
    word('help', 'exit-codes', 'what pileus ends with, and when'),
  ]
}

const SHELLS: Readonly<Record<string, (words: readonly Word[]) => string>> = { bash, zsh, fish }

function bash(all: readonly Word[]): string {
  const cases = [...groups(all)]
    .map(
      ([after, group]) =>
        `    ${JSON.stringify(after)}) words=${JSON.stringify(group.map((one) => one.word).join(' '))} ;;`,
    )
    .join('\n')
  const values = withValue(all)
    .map(({ word, takes }) => `    ${word}) words="${takes === 'folder' ? '/' : takes.join(' ')}" ;;`)
    .join('\n')
  return `_pileus() {
  local current="\${COMP_WORDS[COMP_CWORD]}" option="" path="" word words="" i IFS=$' \\t\\n'
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    if [[ $word == "=" ]]; then continue; fi
    if [[ -n $option ]]; then option=""; continue; fi
    case "$word" in
      ${withValue(all)
        .map(({ word }) => word)
        .join('|')}) option="$word" ;;
      -*) ;;
      *) path="\${path:+$path }$word" ;;
    esac
  done
  if [[ $current == "=" ]]; then current=""; fi
  case "\${option:-$path}" in
${cases}
    link) words="/" ;;
${values}
  esac
  if [[ $words == "/" ]]; then
    IFS=$'\\n'
    compopt -o filenames 2>/dev/null
    COMPREPLY=($(compgen -d -- "$current"))
  else
    COMPREPLY=($(compgen -W "$words" -- "$current"))
  fi
}
complete -F _pileus pileus`
}

function zsh(all: readonly Word[]): string {
  const cases = [...groups(all)]
    .map(([after, group]) => {
      const entries = group
        .map((one) => quote(`${one.word.replaceAll(':', '\\:')}:${one.description}`))
        .join(' ')
      return `    ${quote(after)}) entries=(${entries}) ;;`
    })
    .join('\n')
  const values = withValue(all)
    .map(({ word, takes }) =>
      takes === 'folder' ? `    ${word}) _files -/ ;;` : `    ${word}) entries=(${takes.join(' ')}) ;;`,
    )
    .join('\n')
  return `#compdef pileus
_pileus() {
  local -a entries path_words
  local word option=''
  for word in \${words[2,CURRENT-1]}; do
    if [[ -n $option ]]; then option=''; continue; fi
    case $word in
      ${withValue(all)
        .map(({ word }) => word)
        .join('|')}) option=$word ;;
      -*) ;;
      *) path_words+=($word) ;;
    esac
  done
  case "\${option:-\${path_words[*]}}" in
${cases}
    link) _files -/ ;;
${values}
  esac
  _describe 'pileus' entries
}
compdef _pileus pileus`
}

function fish(all: readonly Word[]): string {
  const lines = all.map(({ after, word, description, takes }) => {
    const condition =
      after.length === 0
        ? '__fish_use_subcommand'
        : after.map((one) => `__fish_seen_subcommand_from ${one}`).join('; and ')
    const value =
      takes === null ? '' : takes === 'folder' ? ` -r -a ${FISH_FOLDERS}` : ` -x -a ${quote(takes.join(' '))}`
    const form = word.startsWith('--') ? `-l ${word.slice(2)}${value}` : `-a ${word}`
    return `complete -c pileus -f -n ${quote(condition)} ${form} -d ${quote(description)}`
  })
  lines.push(`complete -c pileus -f -n '__fish_seen_subcommand_from link' -a ${FISH_FOLDERS}`)
  return lines.join('\n')
}

const FISH_FOLDERS = quote('(__fish_complete_directories)')

/** Options that a value follows; each once, whichever commands have it. */
function withValue(all: readonly Word[]): { word: string; takes: 'folder' | readonly string[] }[] {
  const found = new Map<string, 'folder' | readonly string[]>()
  for (const { word, takes } of all) if (takes !== null) found.set(word, takes)
  return [...found].map(([word, takes]) => ({ word, takes }))
}

function groups(all: readonly Word[]): Map<string, Word[]> {
  const found = new Map<string, Word[]>()
  for (const one of all) {
    const key = one.after.join(' ')
    found.set(key, [...(found.get(key) ?? []), one])
  }
  return found
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
