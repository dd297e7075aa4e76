/** Cassandra, from Maven Central, on this machine's Java: one node or several, small. */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import cassandra from 'cassandra-driver'
import { Daemon, find, freePort, has, listens } from './daemon.ts'
import { EngineMissing, type RunningEngine, together, type Use } from './engine.ts'
import { engineFolder } from './folder.ts'
import { cached, installDebian, runTool } from './provision.ts'

const VERSION = '5.0.6'
/** Java versions that it runs on. */
const JAVA = ['11', '17']
const DATA_CENTER = 'datacenter1'
/** The first user, and its password. */
const USER = 'cassandra'
const HEAP = '512M'
const READY_MS = 180_000
const COPY_PLUGIN = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies'

/** A cluster of several nodes, each of which can be stopped and started. */
export interface CassandraCluster {
  readonly title: string
  readonly nodes: readonly RunningEngine[]
  /** Those of any of its nodes. */
  readonly settings: RunningEngine['settings']
  remove(): Promise<void>
}

interface Node {
  readonly address: string
  readonly port: number
  readonly storagePort: number
  readonly seeds: readonly string[]
  /** Its place in the ring; chosen by itself where it is alone. */
  readonly token?: string
  readonly dataCenter: string
}

/** Starts a node without data. Its first user is cassandra, with the password cassandra. */
export async function launchCassandra(use: Use): Promise<RunningEngine> {
  const address = '127.0.0.1'
  const [port, storagePort] = [await freePort(), await freePort()]
  return launchNode(
    await installed(),
    { address, port, storagePort, seeds: [address], dataCenter: DATA_CENTER },
    use,
  )
}

/**
 * For tests: starts several nodes without data, without users, on loopback addresses of their own, each in the data centre
 * that is given for it. The settings lead to the first.
 */
export async function launchCassandraCluster(dataCenters: readonly string[]): Promise<CassandraCluster> {
  const [port, storagePort] = [await freePort(), await freePort()]
  const count = dataCenters.length
  const seeds = dataCenters.map((_, n) => `127.0.0.${n + 1}`)
  const width = 2n ** 64n / BigInt(count)
  const places = seeds.map((address, n): Node => {
    const token = String(-(2n ** 63n) + BigInt(n) * width)
    return { address, port, storagePort, seeds, token, dataCenter: dataCenters[n]! }
  })
  const program = await installed()
  const nodes = await together(places.map((place) => launchNode(program, place, 'test')))
  const remove = async () => {
    for (const node of nodes) await node.remove()
  }
  try {
    for (const place of places) await untilItSees(place, count)
  } catch (error) {
    await remove()
    throw error
  }
  return {
    title: `${count} nodes of ${nodes[0]!.title}`,
    nodes,
    settings: { ...nodes[0]!.settings, PILEUS_CASSANDRA_REPLICATION: aCopyOnEach(dataCenters) },
    remove,
  }
}

function aCopyOnEach(dataCenters: readonly string[]): string {
  const nodes = Map.groupBy(dataCenters, (center) => center)
  return [...nodes].map(([center, { length }]) => `${center}:${length}`).join(',')
}

interface Program {
  readonly java: string
  readonly jars: string
}

async function installed(): Promise<Program> {
  const java = await findJava()
  return { java, jars: await cached(`cassandra-${VERSION}`, `Cassandra ${VERSION}`, download) }
}

async function launchNode({ java, jars }: Program, node: Node, use: Use): Promise<RunningEngine> {
  const folder = engineFolder('cassandra')
  try {
    writeFileSync(join(folder.path, 'cassandra.yaml'), configuration(folder.path, node))
    writeFileSync(join(folder.path, 'logback.xml'), LOGBACK)
    writeFileSync(join(folder.path, 'rackdc.properties'), `dc=${node.dataCenter}\nrack=rack1\n`)
    mkdirSync(join(folder.path, 'logs'))
    const daemon = new Daemon(
      { file: java, args: javaArguments(folder.path, jars, use), cwd: folder.path },
      () => takesUs(node),
      READY_MS,
    )
    await daemon.start()
    return {
      name: 'cassandra',
      title: `Cassandra ${VERSION}`,
      settings: {
        PILEUS_CASSANDRA_CONTACT_POINTS: `${node.address}:${node.port}`,
        PILEUS_CASSANDRA_DATA_CENTER: node.dataCenter,
        PILEUS_CASSANDRA_REPLICATION: `${node.dataCenter}:1`,
        PILEUS_CASSANDRA_USER: USER,
        PILEUS_CASSANDRA_PASSWORD: USER,
      },
      stop: (how) => daemon.stop(how === 'killed' ? 'SIGKILL' : 'SIGTERM'),
      start: () => daemon.start(),
      async remove() {
        await daemon.stop('SIGKILL')
        folder.remove()
      },
    }
  } catch (error) {
    folder.remove()
    throw error
  }
}

/** The node listens a moment before it has made its first user. */
async function takesUs(node: Node): Promise<boolean> {
  return (await listens(node.port, node.address)) && (await nodesSeenBy(node)) > 0
}

/** Nodes hear of each other a moment after they serve. */
async function untilItSees(node: Node, count: number): Promise<void> {
  const end = performance.now() + READY_MS
  while ((await nodesSeenBy(node)) < count) {
    if (performance.now() > end) throw new Error(`the node ${node.address} does not see ${count} nodes`)
    await setTimeout(500)
  }
}

/** 0 where it takes nobody yet. */
async function nodesSeenBy({ address, port, dataCenter }: Node): Promise<number> {
  const client = new cassandra.Client({
    contactPoints: [`${address}:${port}`],
    localDataCenter: dataCenter,
    credentials: { username: USER, password: USER },
    protocolOptions: { port },
  })
  try {
    await client.connect()
    return client.hosts.length
  } catch {
    return 0
  } finally {
    await client.shutdown()
  }
}

async function findJava(): Promise<string> {
  const present = find('java')
  const version = present && /version "(\d+)/.exec(await runTool(present, ['-version']))?.[1]
  if (present && version && JAVA.includes(version)) return present
  if (present) {
    const wanted = JAVA.join(' or ')
    throw new EngineMissing(
      `Cassandra ${VERSION} needs Java ${wanted}, and ${present} is version ${version}`,
      false,
    )
  }
  await installDebian('Java', ['openjdk-17-jre-headless'])
  return find('java') ?? 'java'
}

async function download(folder: string): Promise<void> {
  if (!has('mvn')) await installDebian('Maven', ['maven'])
  writeFileSync(
    join(folder, 'pom.xml'),
    `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>pileus</groupId><artifactId>engine</artifactId><version>1</version><packaging>pom</packaging>
<dependencies><dependency><groupId>org.apache.cassandra</groupId><artifactId>cassandra-all</artifactId>
<version>${VERSION}</version></dependency></dependencies></project>`,
  )
  await runTool('mvn', ['-q', '-B', COPY_PLUGIN, '-DoutputDirectory=jars', '-DincludeScope=runtime'], {
    cwd: folder,
  })
}

/** Data durable before it is acknowledged, as a cluster has it by its replicas; everything small. */
function configuration(folder: string, { address, port, storagePort, seeds, token }: Node): string {
  return JSON.stringify({
    cluster_name: 'pileus',
    partitioner: 'org.apache.cassandra.dht.Murmur3Partitioner',
    num_tokens: 1,
    // Several nodes that start together have nothing to bring each other.
    ...(token !== undefined && { initial_token: token, auto_bootstrap: false }),
    listen_address: address,
    rpc_address: address,
    native_transport_port: port,
    storage_port: storagePort,
    endpoint_snitch: 'GossipingPropertyFileSnitch',
    seed_provider: [
      {
        class_name: 'org.apache.cassandra.locator.SimpleSeedProvider',
        parameters: [{ seeds: seeds.map((seed) => `${seed}:${storagePort}`).join(',') }],
      },
    ],
    // Users rest on one node: a cluster that loses nodes does without.
    authenticator: token === undefined ? 'PasswordAuthenticator' : 'AllowAllAuthenticator',
    authorizer: 'AllowAllAuthorizer',
    commitlog_sync: 'batch',
    commitlog_segment_size: '16MiB',
    commitlog_total_space: '256MiB',
    memtable_heap_space: '64MiB',
    memtable_offheap_space: '64MiB',
    concurrent_reads: 8,
    concurrent_writes: 8,
    auto_snapshot: false,
    data_file_directories: [join(folder, 'data')],
    commitlog_directory: join(folder, 'commitlog'),
    saved_caches_directory: join(folder, 'saved'),
    hints_directory: join(folder, 'hints'),
    cdc_raw_directory: join(folder, 'cdc'),
  })
}

const LOGBACK = `<configuration><appender name="out" class="ch.qos.logback.core.ConsoleAppender">
<encoder><pattern>%-5level %logger{20} %msg%n</pattern></encoder></appender>
<root level="WARN"><appender-ref ref="out"/></root></configuration>`

/** As in Cassandra's own jvm-server.options and jvm17-server.options. */
const EXPORTS = [
  'java.base/jdk.internal.misc',
  'java.base/jdk.internal.ref',
  'java.base/sun.nio.ch',
  'java.management.rmi/com.sun.jmx.remote.internal.rmi',
  'java.rmi/sun.rmi.registry',
  'java.rmi/sun.rmi.server',
  'java.rmi/sun.rmi.transport.tcp',
  'java.sql/java.sql',
]
const OPENS = [
  'java.base/java.io',
  'java.base/java.lang',
  'java.base/java.lang.module',
  'java.base/java.lang.reflect',
  'java.base/java.math',
  'java.base/java.net',
  'java.base/java.nio',
  'java.base/java.util',
  'java.base/java.util.concurrent',
  'java.base/java.util.concurrent.atomic',
  'java.base/jdk.internal.loader',
  'java.base/jdk.internal.math',
  'java.base/jdk.internal.module',
  'java.base/jdk.internal.ref',
  'java.base/jdk.internal.reflect',
  'java.base/jdk.internal.util.jar',
  'java.base/sun.nio.ch',
  'jdk.management/com.sun.management.internal',
]

function javaArguments(folder: string, cache: string, use: Use): string[] {
  const jars = join(cache, 'jars')
  const jamm = readdirSync(jars).find((name) => name.startsWith('jamm-'))
  return [
    ...EXPORTS.flatMap((name) => ['--add-exports', `${name}=ALL-UNNAMED`]),
    ...OPENS.flatMap((name) => ['--add-opens', `${name}=ALL-UNNAMED`]),
    ...(jamm === undefined ? [] : [`-javaagent:${join(jars, jamm)}`]),
    `-Xms${HEAP}`,
    `-Xmx${HEAP}`,
    '-XX:+UseSerialGC',
    // Java's better compiler pays for itself after minutes: a start takes 8 s of processor time without it, 12 with it.
    // Verifying classes that came as they were published costs another tenth.
    ...(use === 'test'
      ? ['-XX:TieredStopAtLevel=1', '-XX:+UnlockDiagnosticVMOptions', '-XX:-BytecodeVerificationRemote']
      : []),
    '-XX:+ExitOnOutOfMemoryError',
    '-Djdk.attach.allowAttachSelf=true',
    '-Dio.netty.tryReflectionSetAccessible=true',
    `-Djava.io.tmpdir=${folder}`,
    `-Dcassandra.config=file://${folder}/cassandra.yaml`,
    `-Dcassandra-rackdc.properties=file://${folder}/rackdc.properties`,
    `-Dcassandra.storagedir=${folder}`,
    `-Dcassandra.logdir=${join(folder, 'logs')}`,
    `-Dlogback.configurationFile=${folder}/logback.xml`,
    '-Dcassandra-foreground=yes',
    // Passwords of tests need no stretching, which each connection would pay for.
    '-Dcassandra.auth_bcrypt_gensalt_log2_rounds=4',
    // One node has nobody to wait for.
    '-Dcassandra.skip_wait_for_gossip_to_settle=0',
    '-Dcassandra.ring_delay_ms=100',
    '-Dcassandra.superuser_setup_delay_ms=0',
    '-cp',
    join(jars, '*'),
    'org.apache.cassandra.service.CassandraDaemon',
  ]
}
