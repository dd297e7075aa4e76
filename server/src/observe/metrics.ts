/** Prometheus metrics, named as dashboards for this kind of service expect them. No name, id or address is a label. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Observer } from '../rules/environment.ts'

export interface Metrics extends Observer {
  /** A finished request: the route as it is declared, not its address. */
  request(method: string, route: string, status: number, seconds: number): void
  chunkOperation(operation: string, result: 'success' | 'error', seconds: number): void
  circuit(name: string, state: CircuitState): void
  /** The exposition text and its content type. */
  show(): Promise<{ text: string; contentType: string }>
}

export type CircuitState = 'closed' | 'open' | 'half-open'

const CIRCUIT_VALUES: Readonly<Record<CircuitState, number>> = { closed: 0, 'half-open': 1, open: 2 }
const SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
const SYNC_ROUTES: ReadonlySet<string> = new Set(['/api/v1/sync/push', '/api/v1/zones/:zone/changes'])

/** A new registry. `failed` is called for failures that failed no request. */
export function createMetrics(failed: (what: string, error: unknown) => void): Metrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const http = new Histogram({
    name: 'icloud_http_request_duration_seconds',
    help: 'Duration of HTTP requests by route',
    labelNames: ['method', 'route', 'status'],
    buckets: SECONDS,
    registers,
  })
  const sync = new Histogram({
    name: 'icloud_sync_duration_seconds',
    help: 'Duration of pushes and pulls',
    labelNames: ['operation', 'result'],
    buckets: SECONDS,
    registers,
  })
  const syncOperations = new Counter({
    name: 'icloud_sync_operations_total',
    help: 'Pushes and pulls',
    labelNames: ['operation', 'result'],
    registers,
  })
  const records = new Counter({
    name: 'icloud_records_pushed_total',
    help: 'Pushed records by outcome',
    labelNames: ['outcome'],
    registers,
  })
  const conflicts = new Counter({
    name: 'icloud_conflicts_total',
    help: 'Pushed records that a newer version had overtaken',
    registers,
  })
  const chunkSeconds = new Histogram({
    name: 'icloud_chunk_operation_duration_seconds',
    help: 'Duration of operations on the blob store',
    labelNames: ['operation', 'result'],
    buckets: SECONDS,
    registers,
  })
  const dedupHits = new Counter({
    name: 'icloud_dedup_hits_total',
    help: 'Chunks that a device did not have to send',
    registers,
  })
  const storedChunks = new Counter({ name: 'icloud_chunks_stored_total', help: 'Chunks stored', registers })
  const storedBytes = new Counter({
    name: 'icloud_bytes_uploaded_total',
    help: 'Bytes of packs stored',
    registers,
  })
  const directBytes = new Counter({
    name: 'icloud_bytes_directed_total',
    help: 'Bytes of chunks that devices were told where to read without this server',
    registers,
  })
  const circuits = new Gauge({
    name: 'icloud_circuit_breaker_state',
    help: '0 closed, 1 half-open, 2 open',
    labelNames: ['name'],
    registers,
  })
  return {
    pushed(outcome, count) {
      records.inc({ outcome }, count)
      if (outcome === 'stale') conflicts.inc(count)
    },
    deduplicated: (chunks) => dedupHits.inc(chunks),
    stored(chunks, bytes) {
      storedChunks.inc(chunks)
      storedBytes.inc(bytes)
    },
    directed: (bytes) => directBytes.inc(bytes),
    failed,
    request(method, route, status, seconds) {
      http.observe({ method, route, status }, seconds)
      if (!SYNC_ROUTES.has(route)) return
      const labels = {
        operation: method === 'POST' ? 'push' : 'pull',
        result: status < 400 ? 'success' : 'error',
      }
      sync.observe(labels, seconds)
      syncOperations.inc(labels)
    },
    chunkOperation: (operation, result, seconds) => chunkSeconds.observe({ operation, result }, seconds),
    circuit: (name, state) => circuits.set({ name }, CIRCUIT_VALUES[state]),
    show: async () => ({ text: await registry.metrics(), contentType: registry.contentType }),
  }
}
