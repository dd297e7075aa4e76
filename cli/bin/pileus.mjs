#!/usr/bin/env -S node --max-semi-space-size=8 --heap-growing-percent=70 --expose-gc
/**
 * Starts `pileus` under a Node that runs TypeScript. Plain JavaScript, because the Node that a shell finds
 * first may be too old for anything else (the one this package brings is used then), and because a compile
 * cache that is on before the first TypeScript file spares the type stripper: 25 ms of every command.
 *
 * The first line keeps the heap small: a young generation of 8 MiB halves, and an old one that is collected when it
 * has grown by 70 %. Left alone, Node let a sync of 30,000 files grow to 416 MB for 100 MB of live data; so it took
 * 302 MB, and no more time. A command that stays collects it when it has nothing more to do.
 *
 * Files that came are made durable together, and a disk's journal commits once for all that wait for it: more threads
 * that wait make that faster where commits are slow, and cost a megabyte. To be said before the first of them starts.
 */
process.env.UV_THREADPOOL_SIZE ??= '32'
const [major] = process.versions.node.split('.')
if (Number(major) >= 24) {
  const { enableCompileCache } = await import('node:module')
  const { homedir } = await import('node:os')
  const { join } = await import('node:path')
  // In the person's own cache: the default lies in a folder that every user of the machine can write to.
  enableCompileCache(join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'pileus'))
  await import('../src/main.ts')
} else {
  await startUnderBroughtNode()
}

async function startUnderBroughtNode() {
  const { existsSync } = await import('node:fs')
  const { spawn } = await import('node:child_process')
  const { fileURLToPath } = await import('node:url')
  const brought = fileURLToPath(new URL('../../node_modules/.bin/node', import.meta.url))
  if (!existsSync(brought)) {
    console.error(
      `pileus needs Node 24 or later; this is ${process.version}. Run npm install in its folder first.`,
    )
    process.exitCode = 1
    return
  }
  const child = spawn(
    brought,
    [...process.execArgv, fileURLToPath(import.meta.url), ...process.argv.slice(2)],
    {
      stdio: 'inherit',
    },
  )
  // The terminal sends Ctrl-C to both; the child decides how to end.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code, signal) => {
    if (!signal) {
      process.exitCode = code ?? 1
      return
    }
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}
