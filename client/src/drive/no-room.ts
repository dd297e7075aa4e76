import { Problem } from '@pileus/core/protocol/problem'

/** The account or the server has no room for more content; renames and deletions still pass, and what others sent. */
export function isNoRoom(error: unknown): error is Problem {
  return error instanceof Problem && (error.code === 'quota-exceeded' || error.code === 'storage-full')
}
