/**
 * As much of XML as S3 answers with: elements without attributes that matter, and texts. Keys of ours stand for
 * themselves in it, and what else is read has no characters to be escaped, but for messages to people.
 */

/** The text of the first element of this name. */
export function textOf(xml: string, name: string): string | undefined {
  const found = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1]
  return found?.replaceAll(/&(lt|gt|quot|apos|amp|#(\d+)|#x([0-9a-fA-F]+));/g, (whole, entity: string, dec, hex) => {
    const code = Number.parseInt(String(dec ?? hex), dec === undefined ? 16 : 10)
    return entities[entity] ?? (code <= 0x10ffff ? String.fromCodePoint(code) : whole)
  })
}

/** What stands in each element of this name. */
export function elementsOf(xml: string, name: string): string[] {
  return [...xml.matchAll(new RegExp(`<${name}>(.*?)</${name}>`, 'gs'))].map(([, inner = '']) => inner)
}

const entities: Record<string, string> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' }
