/** The server's configuration: environment variables and one optional file, checked once at start. */
import { isIP } from 'node:net'
import { QUOTA_DEFAULT_BYTES } from '@pileus/core/limits'
import { SERVER_VARIABLES } from '@pileus/core/variables'
import { type EngineChoices, readEngines } from './engine-settings.ts'
import { type Setting, Settings, type Variables } from './settings.ts'

export interface Config {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  /** Folder of the embedded engines' data, as given. */
  readonly data: string
  /** A new account's room. */
  readonly quotaBytes: number
  /** Addresses of reverse proxies whose X-Forwarded-For is believed, separated by commas; '' for none. */
  readonly trustedProxies: string
  readonly logLevel: LogLevel
  readonly engines: EngineChoices
}

const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** Everything that is wrong with a configuration, one line each. */
export class ConfigInvalid extends Error {
  readonly mistakes: readonly string[]
  constructor(mistakes: readonly string[]) {
    super(`cannot start the server: ${mistakes.join('; ')}`)
    this.name = 'ConfigInvalid'
    this.mistakes = mistakes
  }
}

/**
 * Reads PILEUS_* variables, and for those that are unset or empty the file that PILEUS_CONFIG names; the others take their
 * default. Throws ConfigInvalid, naming every mistake.
 */
export function readConfig(environment: Variables, defaultLogLevel: LogLevel): Config {
  return readAll(environment, defaultLogLevel).config
}

/** The settings in force as lines of NAME=value, secrets hidden, each with where it comes from. Throws ConfigInvalid. */
export function shownConfig(environment: Variables, defaultLogLevel: LogLevel): string[] {
  const { shown } = readAll(environment, defaultLogLevel)
  const lines = shown.filter(({ shown: value }) => value !== '')
  const width = Math.max(...lines.map(({ name, shown: value }) => name.length + value.length)) + 1
  return lines.map(({ name, shown: value, from }) => `${`${name}=${value}`.padEnd(width)}  # ${from}`)
}

function readAll(environment: Variables, defaultLogLevel: LogLevel): { config: Config; shown: Setting[] } {
  const settings = new Settings(environment)
  const config: Config = {
    host: readHost(settings),
    port: settings.whole('PILEUS_PORT', 3_001, 0, 65_535),
    data: settings.text('PILEUS_DATA', './data'),
    quotaBytes: settings.whole('PILEUS_QUOTA_BYTES', QUOTA_DEFAULT_BYTES, 0, Number.MAX_SAFE_INTEGER),
    trustedProxies: readProxies(settings),
    logLevel: settings.oneOf('PILEUS_LOG_LEVEL', LOG_LEVELS, defaultLogLevel),
    engines: readEngines(settings),
  }
  settings.requireAllKnown(SERVER_VARIABLES)
  if (settings.mistakes.length > 0) throw new ConfigInvalid(settings.mistakes)
  return { config, shown: [...settings.read.values()] }
}

function readHost(settings: Settings): string {
  const host = settings.text('PILEUS_HOST', '127.0.0.1')
  if (/[\s/]/.test(host)) settings.wrong('PILEUS_HOST', host, 'an address or a host name to listen on')
  return host
}

function readProxies(settings: Settings): string {
  const proxies = settings.text('PILEUS_TRUSTED_PROXIES', '')
  for (const part of proxies.split(',').filter((one) => one !== '')) {
    if (isProxy(part.trim())) continue
    settings.mistakes.push(
      `PILEUS_TRUSTED_PROXIES names ${JSON.stringify(part.trim())}, expected addresses or networks such as 10.0.0.0/8`,
    )
  }
  return proxies
}

function isProxy(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/')
  const most = isIP(address) === 4 ? 32 : 128
  if (isIP(address) === 0 || rest.length > 0) return false
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) >= 1 && Number(bits) <= most)
}
