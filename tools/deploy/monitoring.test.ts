import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { createMetrics } from '@pileus/server/observe/metrics'
import { describe, expect, it } from 'vitest'
import { DEPLOY, text, yamlDocument } from './files.ts'
import { withProgram } from './program.ts'

interface Dashboard {
  readonly panels: readonly {
    readonly id: number
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
    readonly datasource: { readonly uid: string }
    readonly targets: readonly { readonly expr: string }[]
  }[]
}
interface Alerts {
  readonly groups: readonly { readonly rules: readonly { readonly alert: string; readonly expr: string }[] }[]
}

const dashboard: Dashboard = JSON.parse(text('grafana/dashboards/pileus.json'))
const rules = yamlDocument<Alerts>('prometheus/alerts.yml').groups.flatMap((group) => group.rules)
const expressions = [
  ...dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
  ...rules.map(({ expr }) => expr),
]

/** Every series of the server, after each kind of thing happened once; by its name, the labels it carries. */
async function exported(): Promise<Map<string, Set<string>>> {
  const metrics = createMetrics((what, error) => {
    throw new Error(what, { cause: error })
  })
  metrics.request('POST', '/api/v1/sync/push', 200, 0.1)
  metrics.chunkOperation('put', 'success', 0.1)
  metrics.circuit('storage_put', 'closed')
  metrics.pushed('stale', 1)
  metrics.deduplicated(1)
  metrics.stored(1, 1)
  const series = new Map<string, Set<string>>()
  for (const line of (await metrics.show()).text.split('\n')) {
    const [, name, labels = ''] = /^([a-z_0-9]+)(?:\{(.*)\})? /.exec(line) ?? []
    if (name === undefined) continue
    const known = series.get(name) ?? new Set()
    for (const [, label] of labels.matchAll(/([a-z]+)="/g)) known.add(label!)
    series.set(name, known)
  }
  return series
}

describe('the dashboard and the alerts', () => {
  it('ask only for what the server exports', async () => {
    const series = await exported()
    // What Prometheus adds by itself.
    series.set('up', new Set())
    const fromPrometheus = ['job', 'instance']
    for (const expression of expressions) {
      const names = [...expression.matchAll(/\b(up|(?:icloud|nodejs|process)_[a-z_0-9]+)\b/g)].map(
        ([name]) => name,
      )
      expect(names.length).toBeGreaterThan(0)
      const labels = new Set(names.flatMap((name) => [...(series.get(name) ?? [])]))
      for (const name of names) expect(series.has(name), `${name} in ${expression}`).toBe(true)
      const used = [
        ...[...expression.matchAll(/([a-z]+)=~?"/g)].map(([, label]) => label!),
        ...[...expression.matchAll(/by \(([^)]*)\)/g)].flatMap(([, list]) => list!.split(/, */)),
      ]
      for (const label of used)
        expect(labels.has(label) || fromPrometheus.includes(label), `${label} in ${expression}`).toBe(true)
    }
  })

  it('are laid out without overlap, on the source that is provisioned', () => {
    const sources = yamlDocument<{ datasources: { uid: string; url: string }[] }>(
      'grafana/provisioning/datasources/prometheus.yaml',
    ).datasources
    const taken = new Set<string>()
    for (const { gridPos, datasource, id } of dashboard.panels) {
      expect(sources.map(({ uid }) => uid)).toContain(datasource.uid)
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(x).toBeLessThan(24)
          expect(taken.has(`${x},${y}`), `panel ${id} at ${x},${y}`).toBe(false)
          taken.add(`${x},${y}`)
        }
      }
    }
  })

  it('look where compose puts things', () => {
    const compose = text('compose/compose.yaml')
    const [provider] = yamlDocument<{ providers: { options: { path: string } }[] }>(
      'grafana/provisioning/dashboards/pileus.yaml',
    ).providers
    expect(compose).toContain(`../grafana/dashboards:${provider!.options.path}:ro`)
    expect(compose).toContain('../prometheus:/etc/prometheus:ro')
    expect(text('prometheus/prometheus.yml')).toContain('["server-1:3001", "server-2:3001"]')
  })
})

await withProgram('promtool', 'prometheus', 'the alert rules by Prometheus itself', (program) => {
  const promtool = (...args: string[]) =>
    execFileSync(program, args, { cwd: join(DEPLOY, 'prometheus'), stdio: 'pipe' })

  it('is a configuration that Prometheus takes', () => {
    promtool('check', 'config', 'prometheus.yml')
  })

  it('has alerts that fire when they should', () => {
    promtool('test', 'rules', 'alerts.test.yml')
  })
})
