/** What a test file asks for an engine. */
import { request } from 'node:http'
import { afterAll, describe, inject, it } from 'vitest'
import { EngineMissing, type EngineName, type RunningEngine, together } from './engine.ts'
import type { EngineAnswer } from './keeper.ts'
import { LAUNCHERS } from './launchers.ts'

/** An engine that runs for this test run. */
export interface TestEngine {
  readonly title: string
  readonly settings: Readonly<Record<string, string>>
}

/**
 * Defines tests with an engine, started at the first use in a run. Where it cannot be had, one skipped test says what was
 * not tested; under CI that is a failure when the machine had the means to get it.
 */
export async function withEngine(
  name: EngineName,
  tested: string,
  define: (engine: TestEngine) => void | Promise<void>,
): Promise<void> {
  const answer = leftOut([name]) ?? (await ask(name))
  if ('settings' in answer) await define(answer)
  else notTested(tested, answer)
}

/**
 * Defines tests with engines of their own, which they may stop and start; they are removed after the last of them. What
 * cannot be had is told as by `withEngine`.
 */
export function withOwnEngines(
  names: readonly EngineName[],
  tested: string,
  define: (engines: readonly RunningEngine[]) => void | Promise<void>,
): Promise<void> {
  const launch = async () => {
    const running = await together(names.map((name) => LAUNCHERS[name]('test')))
    const remove = async () => {
      for (const engine of running) await engine.remove()
    }
    return { running, title: running.map(({ title }) => title).join(', '), remove }
  }
  return withLaunched(names, tested, launch, ({ running }) => define(running))
}

/** The same with whatever `launch` starts of these engines. */
export async function withLaunched<T extends { readonly title: string; remove(): Promise<void> }>(
  names: readonly EngineName[],
  tested: string,
  launch: () => Promise<T>,
  define: (launched: T) => void | Promise<void>,
): Promise<void> {
  const unwanted = leftOut(names)
  if (unwanted) {
    notTested(tested, unwanted)
    return
  }
  let launched: T
  try {
    launched = await launch()
  } catch (error) {
    if (!(error instanceof EngineMissing)) throw error
    notTested(tested, { missing: error.message, couldBeHad: error.couldBeHad })
    return
  }
  describe(`on ${launched.title}`, async () => {
    afterAll(() => launched.remove())
    await define(launched)
  })
}

/** Who works on one engine need not start the others: PILEUS_ENGINES=postgres,s3 names those to test on. */
function leftOut(names: readonly EngineName[]): { missing: string; couldBeHad: boolean } | null {
  const wanted = process.env.PILEUS_ENGINES?.split(',')
  const others = names.filter((name) => wanted !== undefined && !wanted.includes(name))
  return others.length === 0
    ? null
    : { missing: `PILEUS_ENGINES leaves out ${others.join(', ')}`, couldBeHad: true }
}

function notTested(tested: string, { missing, couldBeHad }: { missing: string; couldBeHad: boolean }): void {
  const sentence = `NOT TESTED: ${tested}: ${missing}`
  if (process.env.CI === 'true' && couldBeHad) throw new Error(sentence)
  console.warn(sentence)
  describe(tested, () => {
    it.skip(sentence)
  })
}

function ask(name: EngineName): Promise<EngineAnswer> {
  return new Promise((resolve, reject) => {
    const asking = request({ socketPath: inject('engines'), path: `/${name}` }, (response) => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.on('error', reject)
      response.on('end', () => {
        const text = Buffer.concat(parts).toString('utf8')
        if (response.statusCode === 200) resolve(JSON.parse(text))
        else reject(new Error(`the engine ${name} did not start: ${text}`))
      })
    })
    asking.on('error', reject)
    asking.end()
  })
}
