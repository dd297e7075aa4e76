/** What operators, probes and the curious ask: health, metrics, the protocol's description, who is there. */
import { PROTOCOL } from '@pileus/core/protocol/endpoints'
import { openapi } from '@pileus/core/protocol/openapi'
import type { FastifyInstance } from 'fastify'
import type { Metrics } from '../observe/metrics.ts'

export interface Component {
  readonly name: string
  check(): Promise<void>
}

export interface Health {
  readonly components: readonly Component[]
  readonly circuits: () => Readonly<Record<string, string>>
  /** Milliseconds since 1970. */
  readonly clock: () => number
  readonly startedAt: number
}

interface Options {
  readonly metrics: Metrics
  readonly health: Health
  readonly version: string
}

interface ComponentHealth {
  readonly status: 'healthy' | 'unhealthy'
  readonly latencyMs: number
}

/** Mounts GET /, /api/v1, /api/v1/openapi.json, /health…, /metrics. */
export function mountOperations(app: FastifyInstance, { metrics, health, version }: Options): void {
  const product = { product: 'pileus', version, protocol: PROTOCOL }
  app.get('/', () => product)
  app.get('/api/v1', () => product)
  let description: string | undefined
  app.get('/api/v1/openapi.json', (_request, reply) => {
    description ??= JSON.stringify(openapi())
    return reply.type('application/json').send(description)
  })
  app.get('/health/live', () => ({ status: 'healthy' }))
  app.get('/health/ready', async (_request, reply) => {
    const components = await checkAll(health)
    const ready = Object.values(components).every(({ status }) => status === 'healthy')
    return reply.code(ready ? 200 : 503).send({ status: ready ? 'healthy' : 'unhealthy' })
  })
  app.get('/health', async (_request, reply) => {
    const components = await checkAll(health)
    const healthy = Object.values(components).every(({ status }) => status === 'healthy')
    const now = health.clock()
    return reply.code(healthy ? 200 : 503).send({
      status: healthy ? 'healthy' : 'unhealthy',
      timestamp: new Date(now).toISOString(),
      uptime: Math.floor((now - health.startedAt) / 1_000),
      version,
      components: { ...components, circuitBreakers: health.circuits() },
    })
  })
  app.get('/health/circuits', () => health.circuits())
  app.get('/metrics', async (_request, reply) => {
    const { text, contentType } = await metrics.show()
    return reply.type(contentType).send(text)
  })
}

async function checkAll({ components, clock }: Health): Promise<Record<string, ComponentHealth>> {
  const results = await Promise.all(
    components.map(async ({ name, check }): Promise<[string, ComponentHealth]> => {
      const start = clock()
      try {
        await check()
        return [name, { status: 'healthy', latencyMs: clock() - start }]
      } catch {
        return [name, { status: 'unhealthy', latencyMs: clock() - start }]
      }
    }),
  )
  return Object.fromEntries(results)
}
