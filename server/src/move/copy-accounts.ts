/** Copying accounts, each whole or not at all. */
import type { AccountId } from '@pileus/core/ids/ids'
import type { Accounts } from '../accounts/accounts.ts'

const LISTED = 500

/** Resolves once the target has them all. */
export async function copyAccounts(from: Accounts, to: Accounts): Promise<void> {
  for await (const id of accountIds(from)) {
    const whole = await from.whole(id)
    // One with this id is there since an earlier run; one with this name alone is found by the check afterwards.
    if (whole) await to.admit(whole)
  }
}

export async function* accountIds(accounts: Accounts): AsyncGenerator<AccountId> {
  let last: AccountId | null = null
  for (;;) {
    const page: AccountId[] = await accounts.list(last, LISTED)
    yield* page
    last = page.at(-1) ?? null
    if (last === null || page.length < LISTED) return
  }
}
