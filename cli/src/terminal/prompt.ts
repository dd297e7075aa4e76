/** Questions on the terminal. Secrets are read in raw mode, so that nothing of them is ever echoed. */
import { StringDecoder } from 'node:string_decoder'
import { Failure } from '../failures/failure.ts'

export function canAsk(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true
}

/** Asks without echo. Throws Failure when Ctrl-C, a signal or the end of input comes instead of a line. */
export function askHidden(question: string): Promise<string> {
  return askRaw(question, () => {})
}

/** Asks with echo. Throws as `askHidden` does. */
export function ask(question: string): Promise<string> {
  return askRaw(question, (text) => process.stderr.write(text))
}

async function askRaw(question: string, echo: (text: string) => void): Promise<string> {
  // Before the question shows: nobody types an answer earlier, and from here on the terminal echoes nothing.
  process.stdin.setRawMode(true)
  process.stderr.write(question)
  try {
    return await readLine(echo)
  } finally {
    process.stdin.setRawMode(false)
    process.stderr.write('\n')
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Typed ahead: what arrived after the line that was asked for belongs to the next question. */
let ahead = ''

function readLine(echo: (text: string) => void): Promise<string> {
  const decoder = new StringDecoder('utf8')
  let line = ''
  return new Promise((resolve, reject) => {
    const stop = (rest: string) => {
      ahead = rest
      process.stdin.pause()
      process.stdin.off('data', onData)
      process.stdin.off('end', onEnd)
      for (const name of SIGNALS) process.off(name, onSignal)
    }
    const take = (text: string) => {
      for (let at = 0; at < text.length; at++) {
        const key = text[at]!
        if (key === '\r' || key === '\n') {
          stop(text.slice(at + 1))
          return resolve(line)
        }
        if (key === '\u0003' || (key === '\u0004' && line === '')) {
          return onSignal()
        }
        const next = edit(line, key)
        if (next.length > line.length) echo(key)
        else if (next.length < line.length) echo('\b \b'.repeat(line.length - next.length))
        line = next
      }
    }
    const onData = (chunk: Buffer) => take(decoder.write(chunk))
    const onEnd = () => {
      stop('')
      reject(new Failure('usage', 'no-answer', 'The input ended before an answer came.'))
    }
    const onSignal = () => {
      stop('')
      reject(new Failure('interrupted', 'interrupted', 'Stopped: nothing was changed.'))
    }
    for (const name of SIGNALS) process.on(name, onSignal)
    const typed = ahead
    ahead = ''
    process.stdin.on('data', onData)
    process.stdin.on('end', onEnd)
    process.stdin.resume()
    take(typed)
  })
}

/** The line after a key: backspace takes one character away, Ctrl-U all of them. */
function edit(line: string, key: string): string {
  if (key === '\u007f' || key === '\b') return [...line].slice(0, -1).join('')
  if (key === '\u0015') return ''
  return key < ' ' ? line : line + key
}
