/** The server's configuration: environment variables, checked once at start. */
import { isIP } from 'node:net'
import { QUOTA_DEFAULT_BYTES } from '@pileus/core/limits'

export interface Config {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  /** Folder of all data, as given. */
  readonly data: string
  /** A new account's room. */
  readonly quotaBytes: number
  /** Addresses of reverse proxies whose X-Forwarded-For is believed, separated by commas; '' for none. */
  readonly trustedProxies: string
  readonly logLevel: LogLevel
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

/** Reads PILEUS_* variables; unset and empty ones take their default. Throws ConfigInvalid, naming every mistake. */
export function readConfig(
  environment: Readonly<Record<string, string | undefined>>,
  defaultLogLevel: LogLevel,
): Config {
  const mistakes: string[] = []
  const text = (name: string, otherwise: string) => environment[name]?.trim() || otherwise
  const whole = (name: string, otherwise: number, max: number): number => {
    const value = text(name, String(otherwise))
    if (/^\d{1,16}$/.test(value) && Number(value) <= max) return Number(value)
    mistakes.push(`${name} is ${JSON.stringify(value)}, expected a whole number from 0 to ${max}`)
    return otherwise
  }
  const logLevel = text('PILEUS_LOG_LEVEL', defaultLogLevel)
  if (!isLogLevel(logLevel)) {
    mistakes.push(`PILEUS_LOG_LEVEL is ${JSON.stringify(logLevel)}, expected one of ${LOG_LEVELS.join(', ')}`)
  }
  const host = text('PILEUS_HOST', '127.0.0.1')
  if (/[\s/]/.test(host)) {
    mistakes.push(`PILEUS_HOST is ${JSON.stringify(host)}, expected an address or a host name to listen on`)
  }
  const trustedProxies = text('PILEUS_TRUSTED_PROXIES', '')
  for (const part of trustedProxies.split(',').filter((one) => one !== '')) {
    if (isProxy(part.trim())) continue
    mistakes.push(
      `PILEUS_TRUSTED_PROXIES names ${JSON.stringify(part.trim())}, expected addresses or networks such as 10.0.0.0/8`,
    )
  }
  const config: Config = {
    host,
    port: whole('PILEUS_PORT', 3_001, 65_535),
    data: text('PILEUS_DATA', './data'),
    quotaBytes: whole('PILEUS_QUOTA_BYTES', QUOTA_DEFAULT_BYTES, Number.MAX_SAFE_INTEGER),
    trustedProxies,
    logLevel: isLogLevel(logLevel) ? logLevel : defaultLogLevel,
  }
  if (mistakes.length > 0) throw new ConfigInvalid(mistakes)
  return config
}

function isProxy(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/')
  const most = isIP(address) === 4 ? 32 : 128
  if (isIP(address) === 0 || rest.length > 0) return false
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) >= 1 && Number(bits) <= most)
}

function isLogLevel(text: string): text is LogLevel {
  return (LOG_LEVELS as readonly string[]).includes(text)
}
