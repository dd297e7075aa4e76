/**
 * Watching a folder, as a port. What it tells are hints (R14): some may be missing, some mean nothing, and a full
 * scan after quiet finds what they missed.
 */
export interface WatchHeard {
  /**
   * Something may have happened to `name` in `folder` (paths from the synced folder's top, '' for itself); to
   * anything below it, where name is null. Folders that came or moved are told by their own name, once what is
   * below them is watched; what came into them before that is told as anything. `identity` is the folder's (`Stat.identity`), where it is known: it may have been moved
   * since it got the name that is told.
   */
  changed(folder: string, name: string | null, identity?: string): void
  /** Not everything can be watched; one sentence says why and what to do. Null: everything is watched again. */
  limited(why: string | null): void
  /** The synced folder itself was moved or unmounted, or hints were lost: what happens is told once all is watched anew. */
  lost(): void
}

export interface Watching {
  close(): void
  /** Watches what could not be watched before; with `anew`, everything: after `lost`. */
  renew(anew: boolean): void
}

export interface Watch {
  /** Watches from when it returns until `close`. */
  start(heard: WatchHeard): Watching
}
