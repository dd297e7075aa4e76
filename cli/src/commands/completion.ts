/** `pileus completion`: scripts for shells, made from the command line's own definition. */
import type { Command } from 'commander'
import type { Context } from '../context.ts'
import { Failure } from '../failures/failure.ts'

interface Word {
  /** Words before it: [] for a command, ['devices'] for its subcommands. */
  readonly after: readonly string[]
  readonly word: string
  readonly description: string
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
  const script = write(words(program))
  context.out.result([script], { shell, script })
}

function words(command: Command, after: readonly string[] = []): Word[] {
  const found: Word[] = []
  for (const option of command.options) {
    if (option.long) found.push({ after, word: option.long, description: option.description })
  }
  for (const child of command.commands) {
    found.push({ after, word: child.name(), description: child.description() })
    found.push(...words(child, [...after, child.name()]))
  }
  return found
}

const SHELLS: Readonly<Record<string, (words: readonly Word[]) => string>> = { bash, zsh, fish }

function bash(all: readonly Word[]): string {
  const cases = [...groups(all)]
    .map(
      ([after, group]) =>
        `    ${JSON.stringify(after)}) words=${JSON.stringify(group.map((one) => one.word).join(' '))} ;;`,
    )
    .join('\n')
  return `_pileus() {
  local current="\${COMP_WORDS[COMP_CWORD]}" path="" word words="" i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    [[ $word == -* ]] || path="\${path:+$path }$word"
  done
  case "$path" in
${cases}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  [[ "$path" == link ]] && COMPREPLY+=($(compgen -d -- "$current"))
  return 0
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
  return `#compdef pileus
_pileus() {
  local -a entries path_words
  local word
  for word in \${words[2,CURRENT-1]}; do
    [[ $word == -* ]] || path_words+=($word)
  done
  case "\${path_words[*]}" in
${cases}
    link) _files -/ ;;
  esac
  _describe 'pileus' entries
}
compdef _pileus pileus`
}

function fish(all: readonly Word[]): string {
  const lines = all.map(({ after, word, description }) => {
    const condition =
      after.length === 0
        ? '__fish_use_subcommand'
        : after.map((one) => `__fish_seen_subcommand_from ${one}`).join('; and ')
    const form = word.startsWith('--') ? `-l ${word.slice(2)}` : `-a ${word}`
    return `complete -c pileus -f -n ${quote(condition)} ${form} -d ${quote(description)}`
  })
  return lines.join('\n')
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
