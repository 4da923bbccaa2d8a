/**
 * The address that signs a browser in with a code and goes on to `page`. The code stands behind `#`, which browsers
 * keep to themselves: no server and no proxy notes it.
 */
export function signInLink(url: string, code: string, page?: string): string {
  const next = page === undefined ? '' : `?next=${encodeURIComponent(page)}`
  return `${url}/sign-in${next}#code=${code}`
}
