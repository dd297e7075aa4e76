/**
 * Watching a folder, as a port. What it tells are hints (R14): some may be missing, some mean nothing, and a full
 * scan after quiet finds what they missed.
 */
export interface WatchHeard {
  /**
   * Something may have happened to `name` in `folder` (paths from the synced folder's top, '' for itself); to
   * anything in it, where name is null. Folders that came or moved are told by their own name, once what is
   * below them is watched.
   */
  changed(folder: string, name: string | null): void
  /** Not everything can be watched any more; one sentence says why. */
  limited(why: string): void
}

export interface Watch {
  /** Watches from when it returns until `close`. */
  start(heard: WatchHeard): { close(): void }
}
