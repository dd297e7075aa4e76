/** What the process ends with. Scripts rely on these: they never change their meaning. */
export const EXIT = {
  ok: 0,
  unexpected: 1,
  usage: 2,
  'not-signed-in': 3,
  unreachable: 4,
  attention: 5,
  full: 6,
  locked: 7,
  damaged: 8,
  interrupted: 130,
} as const

export type Exit = keyof typeof EXIT

const MEANINGS: Readonly<Record<Exit, string>> = {
  ok: 'done; for sync: this device and the server hold the same',
  unexpected: 'something nobody foresaw, or the server refused; the message says what',
  usage: 'the command line is not one that pileus understands, or the folder cannot be used so',
  'not-signed-in': 'not signed in here, a wrong name, password or phrase, or this device was removed',
  unreachable: 'no answer from the server, or what answered is not a Pileus server',
  attention:
    'sync did all it could; deletions are held back, some files need you (see `pileus status`), or the disk is read-only',
  full: 'no room: the account reached its quota, or a disk is full',
  locked: 'another pileus is working on the same folder or home',
  damaged: 'stored data is damaged, here or on the server; nothing of yours was overwritten',
  interrupted: 'stopped by Ctrl-C or SIGTERM; the next sync goes on where this one stopped',
}

/** The text of `pileus help exit-codes`. */
export function exitCodesText(): string {
  const lines = (Object.keys(EXIT) as Exit[]).map(
    (name) => `  ${String(EXIT[name]).padStart(3)}  ${MEANINGS[name]}`,
  )
  return `Exit codes\n${lines.join('\n')}\n\nEvery failure is one sentence on stderr; with --json also {"error":{"code","message"}} on stdout.\nPILEUS_DEBUG=1 adds where it came from.\n`
}
