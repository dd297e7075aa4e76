/**
 * Test helper: a small world of its own for one process (user_namespaces(7), mount_namespaces(7)), so that limits are reached
 * and file systems unmounted without anything else on this machine noticing.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'

export interface Namespace {
  /** Put before a command, runs it in there. */
  readonly enter: readonly string[]
  /** Where a path of in there is found from out here. */
  at(path: string): string
  /** Runs a shell script in there; it has to end well. */
  sh(script: string): void
  close(): void
}

/** Whether this machine lets this user make them, which containers sometimes forbid. */
export const CAN_MAKE_NAMESPACES =
  process.platform === 'linux' &&
  spawnSync('unshare', [
    '-Urm',
    'sh',
    '-c',
    'mount -t tmpfs none /mnt && echo 9 > /proc/sys/user/max_inotify_watches',
  ]).status === 0

export async function createNamespace(): Promise<Namespace> {
  const holder = spawn('unshare', ['-Urm', 'sh', '-c', 'echo ready; exec sleep 600'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(holder.stdout!, 'data')
  const enter = ['nsenter', '-t', String(holder.pid), '-U', '-m', '--preserve-credentials', '--']
  return {
    enter,
    at: (path) => `/proc/${holder.pid}/root${path}`,
    sh(script) {
      execFileSync(enter[0]!, [...enter.slice(1), 'sh', '-ec', script])
    },
    close: () => void holder.kill('SIGKILL'),
  }
}
