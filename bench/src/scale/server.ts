/** A server of its own process for measuring: as its environment says, without limits on how often one may ask. */
import { readConfig } from '@pileus/server/config'
import type { RateLimits } from '@pileus/server/rules/rate-limits'
import { startServer } from '@pileus/server/start'

const free = { count: Number.MAX_SAFE_INTEGER, seconds: 60 }
const rateLimits: RateLimits = {
  signupPerAddress: free,
  loginPerAddress: free,
  loginPerName: free,
  recoveryPerAddress: free,
  recoveryPerName: free,
  challengePerAddress: free,
}

const server = await startServer({ ...readConfig(process.env, 'error'), rateLimits })
console.log(server.url)
process.once('SIGTERM', () => void server.close())
