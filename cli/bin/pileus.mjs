#!/usr/bin/env node
/**
 * Starts `pileus` under a Node that runs TypeScript. Plain JavaScript, because the Node that a shell finds
 * first may be too old for anything else; the one this package brings is used then.
 */
const [major] = process.versions.node.split('.')
if (Number(major) >= 24) {
  await import('../src/main.ts')
} else {
  const { existsSync } = await import('node:fs')
  const { spawn } = await import('node:child_process')
  const { fileURLToPath } = await import('node:url')
  const brought = fileURLToPath(new URL('../../node_modules/.bin/node', import.meta.url))
  if (existsSync(brought)) {
    const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))
    const child = spawn(brought, [main, ...process.argv.slice(2)], { stdio: 'inherit' })
    // The terminal sends Ctrl-C to both; the child decides how to end.
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
    child.on('exit', (code, signal) => {
      if (signal) {
        process.removeAllListeners(signal)
        process.kill(process.pid, signal)
      } else process.exitCode = code ?? 1
    })
  } else {
    console.error(
      `pileus needs Node 24 or later; this is ${process.version}. Run npm install in its folder first.`,
    )
    process.exitCode = 1
  }
}
