/** Oracle (c): no plaintext, name or key is in anything that was sent to the server. */
import type { DeviceAccount } from '@pileus/client/account/account'

/** Shorter texts turn up in random bytes by chance. */
const NEEDLE_BYTES = 8

export class Secrecy {
  readonly #sent: Uint8Array[] = []
  readonly #secrets: readonly Buffer[]

  constructor(accounts: readonly DeviceAccount[]) {
    const keys = accounts.flatMap(({ accountKey, device }) => [accountKey, device.seed])
    this.#secrets = keys.map((key) => Buffer.from(key.bytes()))
  }

  sent(bytes: Uint8Array): void {
    this.#sent.push(bytes)
  }

  /** Looks for these contents and names, each by a piece of it. Returns what was found. */
  check(contents: Iterable<Uint8Array>, names: Iterable<string>): string | null {
    const all = Buffer.concat(this.#sent)
    for (const secret of this.#secrets) if (all.includes(secret)) return 'a key was sent to the server'
    for (const name of names) {
      // What stood outside its folder when the database was lost bears the id of its record.
      if (/^[0-9a-f]{32}$/.test(name)) continue
      if (Buffer.byteLength(name) >= NEEDLE_BYTES && all.includes(name))
        return `the name ${JSON.stringify(name)} was sent to the server`
    }
    for (const content of contents) {
      const piece = content.subarray(0, 24)
      if (piece.length >= NEEDLE_BYTES && all.includes(piece)) {
        return `the content ${JSON.stringify(new TextDecoder().decode(piece))} was sent to the server`
      }
    }
    return null
  }
}
