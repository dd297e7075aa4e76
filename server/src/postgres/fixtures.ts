/** Databases for tests. */
import { randomBytes } from 'node:crypto'
import { Client } from 'pg'

/** Gives a function that makes a new, empty database and returns its URL. The server and its data go after the run. */
export function testDatabases({
  settings,
}: {
  settings: Readonly<Record<string, string>>
}): () => Promise<string> {
  return async () => {
    const url = new URL(settings.PILEUS_POSTGRES_URL!)
    const name = `test_${randomBytes(8).toString('hex')}`
    const client = new Client({ connectionString: url.href })
    await client.connect()
    await client.query(`CREATE DATABASE ${name}`)
    await client.end()
    url.pathname = name
    return url.href
  }
}
