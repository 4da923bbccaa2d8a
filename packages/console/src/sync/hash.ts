/** SHA-256 in hex. */
export type Hash = (bytes: Uint8Array<ArrayBuffer>) => Promise<string>

/**
 * What the browser has, or a program of our own: pages that come by plain HTTP from another machine are not given
 * WebCrypto. That is several times as slow, and holds the page for some milliseconds at a time.
 */
export async function makeHash(): Promise<Hash> {
  const subtle = (globalThis.crypto as Partial<Crypto> | undefined)?.subtle
  if (subtle) return async (bytes) => toHex(new Uint8Array(await subtle.digest('SHA-256', bytes)))
  const { sha256 } = await import('@noble/hashes/sha2.js')
  return (bytes) => Promise.resolve(toHex(sha256(bytes)))
}

/** Whether `makeHash` has to do without the browser. */
export const hashesSlowly = (): boolean => !globalThis.isSecureContext

function toHex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0')
  return text
}
