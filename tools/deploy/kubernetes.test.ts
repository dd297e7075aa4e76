import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Deployment } from 'kubernetes-models/apps/v1'
import { Ingress, NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1'
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1'
import { ConfigMap, Namespace, Service, ServiceAccount } from 'kubernetes-models/v1'
import { afterAll, describe, expect, it } from 'vitest'
import { DEPLOY, ROOT, serverVersion, text, yamlDocument, yamlDocuments } from './files.ts'
import { withProgram } from './program.ts'
import { expectTaken } from './settings.ts'

/** Kubernetes' own schemas, as types and as validators: where each kind stands. */
const MODELS = {
  Namespace: [Namespace, 'v1'],
  ConfigMap: [ConfigMap, 'v1'],
  ServiceAccount: [ServiceAccount, 'v1'],
  Service: [Service, 'v1'],
  Deployment: [Deployment, 'apps/v1'],
  Ingress: [Ingress, 'networking.k8s.io/v1'],
  NetworkPolicy: [NetworkPolicy, 'networking.k8s.io/v1'],
  PodDisruptionBudget: [PodDisruptionBudget, 'policy/v1'],
} as const
type Kind = keyof typeof MODELS

interface Manifest {
  readonly kind: Kind
  readonly apiVersion: string
  readonly metadata: { readonly name: string; readonly namespace?: string }
}

const kustomization = yamlDocument<{ resources: string[] }>('kubernetes/kustomization.yaml')
const manifests = kustomization.resources.flatMap((file) => yamlDocuments<Manifest>(`kubernetes/${file}`))
const folder = mkdtempSync(join(tmpdir(), 'pileus-kubernetes-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** The manifest of a kind, checked before. */
function the<K extends Kind>(kind: K): InstanceType<(typeof MODELS)[K][0]> {
  const found = manifests.filter((manifest) => manifest.kind === kind)
  expect(found).toHaveLength(1)
  return found[0] as unknown as InstanceType<(typeof MODELS)[K][0]>
}

const pod = () => the('Deployment').spec!.template.spec!
const container = () => pod().containers[0]!

/** All settings of the container; a secret's value is made up, but of the right form. */
function settings(): Record<string, string> {
  const made: Record<string, string> = {
    'postgres-url': 'postgres://pileus:x@postgres.engines.svc:5432/pileus',
    'valkey-url': 'redis://:x@valkey.engines.svc:6379/0',
  }
  const secrets = container().env!.map(({ name, valueFrom }) => {
    const key = valueFrom!.secretKeyRef!.key
    return [name, made[key] ?? 'x']
  })
  return { ...the('ConfigMap').data, ...Object.fromEntries(secrets) }
}

describe('deploy/kubernetes', () => {
  it('lists every file', () => {
    const files = readdirSync(join(DEPLOY, 'kubernetes')).filter((file) => file !== 'kustomization.yaml')
    expect([...kustomization.resources].sort()).toEqual(files.sort())
  })

  it("passes Kubernetes' schemas", () => {
    for (const manifest of manifests) {
      const [Model, apiVersion] = MODELS[manifest.kind]
      expect(manifest.apiVersion).toBe(apiVersion)
      ;new (Model as new (data: object) => { validate(): void })(manifest).validate()
    }
  })

  // The schemas let unknown fields pass; the types do not.
  it('has no field that Kubernetes does not know', { timeout: 120_000 }, () => {
    expect(mistakesInTypes(manifests)).toBe('')
    const misspelt = structuredClone(manifests.find(({ kind }) => kind === 'Deployment')!)
    Object.assign((misspelt as never as { spec: object }).spec, { replcas: 2 })
    expect(mistakesInTypes([misspelt])).toContain('replcas')
  })

  it('gives the server settings that it knows and uses, each secret by reference', () => {
    const { engines } = expectTaken(settings())
    expect(Object.values(engines).map(({ kind }) => kind)).toEqual(['postgres', 'cassandra', 's3', 'valkey'])
    for (const { value, valueFrom } of container().env!) {
      expect(value).toBeUndefined()
      expect(valueFrom!.secretKeyRef!.name).toBe('pileus-server')
    }
    for (const name of Object.keys(the('ConfigMap').data!))
      expect(name).not.toMatch(/PASSWORD|SECRET|ACCESS_KEY|_URL$/)
    expect(manifests.map(({ kind }) => String(kind))).not.toContain('Secret')
  })

  it('lets it out to the engines it is led to', () => {
    const open = the('NetworkPolicy').spec!.egress!.flatMap(({ ports = [] }) => ports.map(({ port }) => port))
    const given = settings()
    const points = given
      .PILEUS_CASSANDRA_CONTACT_POINTS!.split(',')
      .map((point) => Number(point.split(':')[1]))
    const s3 = new URL(given.PILEUS_S3_ENDPOINT!)
    const needed = [
      Number(new URL(given.PILEUS_POSTGRES_URL!).port),
      Number(new URL(given.PILEUS_VALKEY_URL!).port),
      ...points,
      Number(s3.port) || 443,
      53,
    ]
    for (const port of needed) expect(open).toContain(port)
  })

  it('selects the same pods everywhere, and the same port', () => {
    const labels = the('Deployment').spec!.template.metadata!.labels!
    expect(the('Deployment').spec!.selector.matchLabels).toEqual(labels)
    expect(the('Service').spec!.selector).toEqual(labels)
    expect(the('NetworkPolicy').spec!.podSelector!.matchLabels).toEqual(labels)
    expect(the('PodDisruptionBudget').spec!.selector!.matchLabels).toEqual(labels)
    const [port] = container().ports!
    const exposed = Number(/^EXPOSE (\d+)$/m.exec(text('container/Containerfile'))![1])
    expect(port!.containerPort).toBe(exposed)
    expect(the('Service').spec!.ports).toEqual([{ name: port!.name, port: exposed, targetPort: port!.name }])
    expect(the('NetworkPolicy').spec!.ingress![0]!.ports).toEqual([{ port: exposed, protocol: 'TCP' }])
    const backend = the('Ingress').spec!.rules![0]!.http!.paths[0]!.backend.service!
    expect(backend).toEqual({ name: the('Service').metadata!.name, port: { name: port!.name } })
    for (const probe of [container().startupProbe, container().readinessProbe, container().livenessProbe])
      expect(probe!.httpGet!.port).toBe(port!.name)
  })

  it('runs the image of this version without rights, on a file system that it cannot write', () => {
    expect(container().image).toBe(`pileus-server:${serverVersion()}`)
    const user = Number(/^USER (\d+):/m.exec(text('container/Containerfile'))![1])
    expect(pod().securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: user })
    expect(container().securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    })
    expect(pod().automountServiceAccountToken).toBe(false)
    expect(container().resources).toHaveProperty('limits.memory')
  })

  it('stands in one namespace', () => {
    const name = the('Namespace').metadata!.name
    for (const { kind, metadata } of manifests)
      if (kind !== 'Namespace') expect(metadata.namespace).toBe(name)
  })
})

/** What the compiler says of manifests as literals of Kubernetes' types. */
function mistakesInTypes(some: readonly Manifest[]): string {
  const lines = some.map((manifest, index) => {
    const { kind } = manifest
    const from = `import type { I${kind} } from 'kubernetes-models/${MODELS[kind][1]}'`
    writeFileSync(
      join(folder, `manifest${index}.ts`),
      `${from}\nexport const manifest: I${kind} = ${JSON.stringify(manifest)}\n`,
    )
    return `manifest${index}.ts`
  })
  rmSync(join(folder, 'node_modules'), { force: true })
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  const compilerOptions = {
    strict: true,
    noEmit: true,
    module: 'nodenext',
    target: 'esnext',
    skipLibCheck: true,
    types: [],
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: lines }))
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
  const { stdout, stderr } = spawnSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' })
  return `${stdout}${stderr}`
}

await withProgram('kubectl', null, 'the manifests by kubectl itself', (program) => {
  it('are rendered by `kubectl kustomize`', () => {
    const rendered = execFileSync(program, ['kustomize', join(DEPLOY, 'kubernetes')], { encoding: 'utf8' })
    expect(rendered.match(/^kind: /gm)).toHaveLength(manifests.length)
  })
})
