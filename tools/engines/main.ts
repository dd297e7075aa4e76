/** `npm run engines -- postgres s3`: starts engines, says how a server reaches them, and stops them on Ctrl-C. */
import { EngineMissing, type EngineName, type RunningEngine } from './engine.ts'
import { ENGINE_NAMES, LAUNCHERS } from './launchers.ts'

function wanted(args: readonly string[]): EngineName[] {
  const names = args[0] === 'all' ? ENGINE_NAMES : args
  const unknown = names.filter((name) => !(name in LAUNCHERS))
  if (names.length > 0 && unknown.length === 0) return names as EngineName[]
  const known = `${ENGINE_NAMES.join(', ')}, or all`
  throw new EngineMissing(
    unknown.length > 0
      ? `there is no engine ${unknown.join(', ')}: name some of ${known}`
      : `name some of ${known}`,
    false,
  )
}

const running: RunningEngine[] = []
const stopping = Promise.withResolvers<void>()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stopping.resolve())
try {
  for (const name of wanted(process.argv.slice(2))) {
    const engine = await LAUNCHERS[name]('work')
    running.push(engine)
    console.log(`# ${engine.title}`)
    for (const [variable, value] of Object.entries(engine.settings))
      console.log(`export ${variable}=${value}`)
  }
  console.log('# Ctrl-C stops them and removes their data.')
  await stopping.promise
} catch (error) {
  console.error(error instanceof EngineMissing ? error.message : error)
  process.exitCode = 1
} finally {
  for (const engine of running) await engine.remove()
}
