/** How `pileus` was called: what is shown to be typed next has to work when it is typed. */
import { realpathSync } from 'node:fs'
import { delimiter, join } from 'node:path'

const NAME = 'pileus'

/**
 * The words before a command's own: `pileus` where the shell finds `script` under that name, `npx pileus` where npx did,
 * else the script's path; and the home that was given on the command line, if one was.
 */
export function calledAs(
  script: string,
  home: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): string {
  const program = isNpx(environment)
    ? `npx ${NAME}`
    : isOnPath(script, environment)
      ? NAME
      : shellWord(script)
  return home ? `${program} --home ${shellWord(home)}` : program
}

/** What npm says to whatever npx and `npm exec` start. */
function isNpx({ npm_lifecycle_event }: Readonly<Record<string, string | undefined>>): boolean {
  return npm_lifecycle_event === 'npx'
}

function isOnPath(script: string, { PATH }: Readonly<Record<string, string | undefined>>): boolean {
  const real = realPath(script)
  const first = (PATH ?? '')
    .split(delimiter)
    .map((folder) => realPath(join(folder, NAME)))
    .find((found) => found !== null)
  return first !== undefined && first === real
}

function realPath(path: string): string | null {
  try {
    return realpathSync(path)
  } catch {
    return null
  }
}

function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}
