/**
 * The variables of the environment that mean something to Pileus. Server and client know those of both, since either may be
 * started where the other's are set; a name that neither knows is most likely misspelt.
 */

const PREFIX = 'PILEUS_'

export const SERVER_VARIABLES: ReadonlySet<string> = named(
  'CONFIG HOST PORT DATA QUOTA_BYTES TRUSTED_PROXIES LOG_LEVEL ACCOUNTS ZONES BLOBS LIVE',
  'POSTGRES_URL POSTGRES_CONNECTIONS VALKEY_URL',
  'CASSANDRA_CONTACT_POINTS CASSANDRA_DATA_CENTER CASSANDRA_KEYSPACE CASSANDRA_REPLICATION CASSANDRA_USER',
  'CASSANDRA_PASSWORD CASSANDRA_QUORUM',
  'S3_ENDPOINT S3_REGION S3_BUCKET S3_ACCESS_KEY S3_SECRET_KEY S3_DIRECT_READS S3_PUBLIC_URL',
)

export const CLIENT_VARIABLES: ReadonlySet<string> = named(
  'HOME SERVER DEVICE_NAME KEYS PASSWORD NEW_PASSWORD PHRASE PASSPHRASE DEBUG',
)

/** More letters amiss than these, and it is another word. */
const AMISS_MAX = 3

/** A sentence for each name of the environment that begins with PILEUS_ and means nothing; values are not shown. */
export function meaninglessVariables(environment: Readonly<Record<string, unknown>>): string[] {
  const known = new Set([...SERVER_VARIABLES, ...CLIENT_VARIABLES])
  return Object.keys(environment)
    .filter((name) => name.startsWith(PREFIX) && !known.has(name))
    .sort()
    .map((name) => `${name} is set, and means nothing to Pileus${suggestion(name, known)}.`)
}

/** What to add to a sentence about a name that is not known: the known one that is near, if any is. */
export function suggestion(name: string, known: ReadonlySet<string>): string {
  let nearest: string | null = null
  let least = AMISS_MAX + 1
  for (const one of known) {
    const amiss = lettersAmiss(name, one)
    if (amiss < least) [nearest, least] = [one, amiss]
  }
  return nearest === null ? '' : `: ${nearest} is meant, perhaps`
}

/**
 * Letters to put in, take out, replace, or swap with the next one, to get from one word to the other (optimal string
 * alignment distance).
 */
function lettersAmiss(from: string, to: string): number {
  const rows = [Array.from({ length: to.length + 1 }, (_, at) => at)]
  for (let row = 1; row <= from.length; row++) {
    const above = rows[row - 1]!
    const here = [row]
    for (let at = 1; at <= to.length; at++) {
      const replaced = above[at - 1]! + (from[row - 1] === to[at - 1] ? 0 : 1)
      const isSwapped = row > 1 && at > 1 && from[row - 1] === to[at - 2] && from[row - 2] === to[at - 1]
      const swapped = isSwapped ? rows[row - 2]![at - 2]! + 1 : replaced
      here.push(Math.min(replaced, swapped, above[at]! + 1, here[at - 1]! + 1))
    }
    rows.push(here)
  }
  return rows[from.length]![to.length]!
}

function named(...lines: readonly string[]): Set<string> {
  return new Set(lines.flatMap((line) => line.split(' ')).map((name) => PREFIX + name))
}
