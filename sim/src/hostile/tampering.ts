/** Servers that lie: what tests of the attack classes put between the real server and a real client. */
import type { CallInput, CallOutput, Calls, EndpointName } from '@pileus/client/remote/calls'
import { addToSet, emptySetHash, setDigest } from '@pileus/core/crypto/lthash'
import { nodeCrypto } from '@pileus/core/crypto/node'
import { idBytes } from '@pileus/core/ids/ids'
import type { ChangesPage } from '@pileus/core/protocol/changes'
import { leafOf } from '@pileus/core/records/seal'
import { explain } from 'pileus/failures/explain'
import { expect } from 'vitest'
import type { Site } from '../scenarios/scene.ts'

/** For each call by name: what the server answers in place of the true answer. `call` asks the real server anything. */
export type Lies = {
  readonly [N in EndpointName]?: (
    answer: CallOutput<N>,
    input: CallInput<N>,
    calls: Calls,
  ) => CallOutput<N> | Promise<CallOutput<N>>
}

/** Calls to a server that tells these lies. */
export function lying(calls: Calls, lies: Lies): Calls {
  return {
    async call(name, input) {
      const answer = await calls.call(name, input)
      const lie = lies[name]
      return lie ? lie(answer, input, calls) : answer
    },
  }
}

/** From now on the device is told these lies; the returned function makes the server honest again. */
export function lieTo(site: Site, lies: Lies): () => void {
  site.device.through = (calls) => lying(calls, lies)
  return () => {
    delete site.device.through
  }
}

/** Lies about the changes of one zone, the drive's perhaps and not the account's. */
export function aboutChanges(
  zone: string,
  lie: (page: ChangesPage, token: string, calls: Calls) => ChangesPage | Promise<ChangesPage>,
): Lies {
  return {
    changes: (page, { params, token }, calls) => (params.zone === zone ? lie(page, token!, calls) : page),
  }
}

/** A page read from the start, under a head whose set hash fits exactly what it shows. */
export function consistent(page: ChangesPage): ChangesPage {
  const set = emptySetHash()
  for (const { record } of page.changes) addToSet(nodeCrypto, set, idBytes(leafOf(nodeCrypto, record)))
  return { ...page, head: { ...page.head, setHash: setDigest(nodeCrypto, set) } }
}

/**
 * The device's sync is refused in one sentence that says `why`, and nothing changed on its disk. It says so the
 * second time too.
 */
export async function expectRefused(site: Site, why: RegExp): Promise<void> {
  const before = site.show()
  for (let n = 0; n < 2; n++) {
    const error = await site.sync().then(
      () => null,
      (error: unknown) => error as Error,
    )
    expect(error?.message).toMatch(why)
    expect(explain(error)).toMatchObject({ exit: 'damaged' })
    expect(explain(error).message).toMatch(/^[A-Z][^\n]*\.$/)
    expect(site.show()).toEqual(before)
  }
}
