/**
 * The live channel of a zone, as a port. What it tells are hints: announcements may be lost, never reordered on one
 * line, and a line may end at any moment. Who listens catches up by cursor.
 */
import type { ZoneId } from '@pileus/core/ids/ids'
import type { Announcement } from '@pileus/core/protocol/live'

export interface Heard {
  /** The first comes as soon as the line stands, with the head of that moment. */
  told(announcement: Announcement): void
  /** The line ended or never stood: Problem where the server refuses, else Unreachable. Nothing comes after it. */
  closed(why: Error): void
}

export interface LiveLine {
  /** Begins to connect; one attempt. After `close` nothing is heard any more. */
  open(zone: ZoneId, heard: Heard): { close(): void }
}
