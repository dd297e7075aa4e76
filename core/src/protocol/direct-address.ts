/** Addresses at which stored bytes are read without the server (SRV-49). */

/**
 * The address of a place that may be read directly: https, since whoever sees an address may read what it leads to; http
 * only on this machine itself. Null for any other text, also for one with a user or password in it.
 */
export function directAddress(text: string): URL | null {
  const url = URL.parse(text)
  if (url === null || url.hostname === '' || url.username !== '' || url.password !== '') return null
  if (url.protocol === 'https:') return url
  return url.protocol === 'http:' && isLoopback(url) ? url : null
}

/** Whether an address leads to the machine that it is used on. */
export function isLoopback({ hostname }: URL): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname)
}
