import { parseServer } from '@pileus/client/remote/server'
import { Failure } from '../failures/failure.ts'

/** The address that was asked for. Throws Failure 'usage' for none, BadServerAddress for what is not one. */
export function serverAddress(text: string | undefined): string {
  if (text) return parseServer(text)
  throw new Failure(
    'usage',
    'no-server',
    'Which server? Say --server http://localhost:3001, or set PILEUS_SERVER.',
  )
}
