/** Waiting for what other processes do. */

/** Waits until the condition holds. Throws when it does not within the time. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  { everyMs = 20, withinMs = 600_000 } = {},
): Promise<void> {
  const end = performance.now() + withinMs
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`gave up waiting until ${what}`)
    await sleep(everyMs)
  }
}

export function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}
