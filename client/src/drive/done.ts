/** What a sync did, counted as it goes on. */
export interface Done {
  /** Record versions sent and received. */
  pushed: number
  pulled: number
  /** Changes made on this disk. */
  applied: number
  /** Of chunks, as they travelled: sealed, padded. */
  bytesSent: number
  bytesReceived: number
  /** Of the contents of files that were in them. */
  contentSent: number
  contentReceived: number
}

export function nothingDone(): Done {
  return {
    pushed: 0,
    pulled: 0,
    applied: 0,
    bytesSent: 0,
    bytesReceived: 0,
    contentSent: 0,
    contentReceived: 0,
  }
}
