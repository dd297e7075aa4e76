#!/usr/bin/env -S node --max-semi-space-size=8 --heap-growing-percent=70
/**
 * Starts the server under a Node that runs TypeScript: this one, or else the one that this package brings. Why these
 * options, and why a compile cache (it halves what a start costs): see cli/bin/pileus.mjs.
 */
const [major] = process.versions.node.split('.')
if (Number(major) >= 24) {
  const { enableCompileCache } = await import('node:module')
  const { join } = await import('node:path')
  const { HOME, XDG_CACHE_HOME } = process.env
  const cache = XDG_CACHE_HOME || (HOME && join(HOME, '.cache'))
  // A service may have no home, or none it can write to: it starts all the same.
  if (cache) enableCompileCache(join(cache, 'pileus'))
  await import('../src/main.ts')
} else {
  const { spawn } = await import('node:child_process')
  const { fileURLToPath } = await import('node:url')
  const brought = fileURLToPath(new URL('../../node_modules/.bin/node', import.meta.url))
  const child = spawn(brought, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: 'inherit',
  })
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal))
  child.on('error', () => {
    console.error(
      `pileus-server needs Node 24 or later; this is ${process.version}. Run npm install in its folder first.`,
    )
    process.exitCode = 1
  })
  child.on('exit', (code) => {
    process.exitCode = code ?? 1
  })
}
