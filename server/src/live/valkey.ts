/**
 * Live on Valkey or Redis: one connection for commands, one that listens. While a connection is lost, calls fail at once
 * and nothing is queued; when the listening one is back, every subscriber is told that it may have missed something.
 */
import { type Redis as Connection, Redis } from 'ioredis'
import { EngineUnreachable, EngineUnusable } from '../engine-errors.ts'
import type { Live } from './live.ts'

const PREFIX = 'pileus:'
const COMMAND_MS = 5_000
const CONNECT_MS = 5_000
const RECONNECT_MAX_MS = 2_000
/** Topics that one command subscribes to when a connection is new. */
const TOPICS_PER_COMMAND = 1_000

/** Counts one more; the first of a window says when it ends. Returns the count and the milliseconds left. */
const COUNT = `
  local count = redis.call('INCR', KEYS[1])
  if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
  return { count, redis.call('PTTL', KEYS[1]) }`

interface Topic {
  readonly subscribers: Set<Subscriber>
  /** Settles when the server has the subscription. */
  readonly subscribed: Promise<unknown>
}

interface Subscriber {
  readonly listener: (message: Uint8Array) => void
  readonly missed: () => void
}

/** Connects to redis://USER:PASSWORD@HOST:PORT/DATABASE (rediss:// for TLS). Throws EngineUnusable. */
export async function valkeyLive(url: string): Promise<Live> {
  const commands = connection(url)
  const listening = connection(url)
  // The connection tells why it closed in an event; the call only that it did.
  let reason: unknown
  const remember = (error: unknown) => {
    reason = error
  }
  commands.on('error', remember)
  try {
    await commands.connect()
    await requireUsable(commands)
    await listening.connect()
    commands.off('error', remember)
  } catch (error) {
    commands.disconnect()
    listening.disconnect()
    throw error instanceof EngineUnusable ? error : unusable(reason ?? error, url)
  }
  return { ...values(commands), ...announcements(commands, listening), ...upkeep(commands, listening) }
}

function connection(url: string): Connection {
  const made = new Redis(url.replace(/^valkey/, 'redis'), {
    lazyConnect: true,
    connectTimeout: CONNECT_MS,
    commandTimeout: COMMAND_MS,
    enableOfflineQueue: false,
    // Whether a command in flight was run is not known: sending it again could count or publish twice.
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    maxRetriesPerRequest: null,
    retryStrategy: (times) => Math.min(50 * 2 ** times, RECONNECT_MAX_MS) * (0.5 + Math.random() / 2),
  })
  // Calls that need the connection fail and say why; it comes back by itself.
  made.on('error', () => undefined)
  return made
}

function values(commands: Connection): Pick<Live, 'put' | 'take' | 'count' | 'forget'> {
  return {
    put: (key, value, seconds) =>
      reached(async () => void (await commands.set(valueKey(key), value, 'PX', Math.ceil(seconds * 1_000)))),
    take: (key) => reached(async () => (await commands.getdel(valueKey(key))) ?? undefined),
    count: (key, seconds) =>
      reached(async () => {
        const answer = await commands.eval(COUNT, 1, counterKey(key), Math.ceil(seconds * 1_000))
        const [count, left] = answer as [number, number]
        return { count, resetsInSeconds: Math.max(1, Math.ceil(left / 1_000)) }
      }),
    forget: (key) => reached(async () => void (await commands.del(valueKey(key), counterKey(key)))),
  }
}

function announcements(commands: Connection, listening: Connection): Pick<Live, 'publish' | 'subscribe'> {
  const topics = new Map<string, Topic>()
  listening.on('messageBuffer', (channel: Buffer, message: Buffer) => {
    const topic = topics.get(channel.toString('utf8').slice(PREFIX.length))
    for (const { listener } of [...(topic?.subscribers ?? [])]) listener(new Uint8Array(message))
  })
  listening.on('ready', () => {
    subscribeAgain(listening, topics).catch(() => {
      // Without its subscriptions the connection is worth nothing: the next one tries again.
      if (listening.status === 'ready') listening.disconnect(true)
    })
  })

  function topicOf(name: string): Topic {
    const known = topics.get(name)
    if (known) return known
    const topic = { subscribers: new Set<Subscriber>(), subscribed: listening.subscribe(PREFIX + name) }
    topics.set(name, topic)
    topic.subscribed.catch(() => {
      if (topics.get(name) === topic) topics.delete(name)
    })
    return topic
  }

  return {
    publish: (name, message) =>
      reached(async () => void (await commands.publish(PREFIX + name, Buffer.from(message)))),
    subscribe: (name, listener, missed) =>
      reached(async () => {
        const topic = topicOf(name)
        const subscriber = { listener, missed }
        topic.subscribers.add(subscriber)
        await topic.subscribed
        return () => {
          topic.subscribers.delete(subscriber)
          if (topic.subscribers.size > 0 || topics.get(name) !== topic) return
          topics.delete(name)
          // Where this fails the connection is gone, and its subscriptions with it.
          listening.unsubscribe(PREFIX + name).catch(() => undefined)
        }
      }),
  }
}

/** After a connection was lost: what was published meanwhile never arrives, so everybody looks for themselves. */
async function subscribeAgain(listening: Connection, topics: ReadonlyMap<string, Topic>): Promise<void> {
  const names = [...topics.keys()]
  for (let at = 0; at < names.length; at += TOPICS_PER_COMMAND) {
    await listening.subscribe(...names.slice(at, at + TOPICS_PER_COMMAND).map((name) => PREFIX + name))
  }
  for (const name of names) for (const { missed } of [...(topics.get(name)?.subscribers ?? [])]) missed()
}

function upkeep(commands: Connection, listening: Connection): Pick<Live, 'check' | 'close'> {
  return {
    check: () =>
      reached(async () => {
        await commands.ping()
        if (listening.status !== 'ready') throw new Error('the listening connection is lost')
      }),
    async close() {
      commands.disconnect()
      listening.disconnect()
    },
  }
}

function valueKey(key: string): string {
  return `${PREFIX}value:${key}`
}

function counterKey(key: string): string {
  return `${PREFIX}count:${key}`
}

async function reached<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw new EngineUnreachable('the Valkey server', error)
  }
}

/** One write, so that a replica or a full server is found out at the start. */
async function requireUsable(commands: Connection): Promise<void> {
  await commands.set(`${PREFIX}start`, '1', 'EX', 60)
  await commands.getdel(`${PREFIX}start`)
}

/** One sentence about which server, what is wrong, and what to do. */
function unusable(error: unknown, url: string): EngineUnusable {
  const { hostname, port } = new URL(url)
  const server = `the Valkey server at ${hostname}:${port || '6379'}`
  const message = error instanceof Error ? error.message : String(error)
  const refusal = refusalOf(message)
  if (refusal !== null) return new EngineUnusable(`cannot use ${server}: ${refusal}`)
  return new EngineUnusable(`cannot reach ${server}: ${message}; start it, or correct PILEUS_VALKEY_URL`)
}

function refusalOf(message: string): string | null {
  if (/WRONGPASS|NOAUTH|invalid password|without any password/.test(message)) {
    return 'it refuses this user and password; correct PILEUS_VALKEY_URL'
  }
  if (/NOPERM/.test(message))
    return 'the user may not do what is needed; allow it all keys, channels and commands'
  if (/READONLY/.test(message))
    return 'it is a replica, which takes no writes; set PILEUS_VALKEY_URL to the primary'
  if (/LOADING|MASTERDOWN/.test(message)) return 'it is starting; start this server again in a moment'
  if (/OOM/.test(message)) return 'its memory is full; raise its maxmemory, or let it evict keys that expire'
  if (/unknown command/.test(message)) return `it is too old (${message}); version 6.2 or newer is needed`
  return null
}
