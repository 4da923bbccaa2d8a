import { readdirSync } from 'node:fs'

/** Names of a folder as they are on the disk: those that are UTF-8, and those that are not, written with `\xNN`. */
export function listNames(folder: string): { good: Set<string>; bad: string[] } {
  const good = new Set<string>()
  const bad: string[] = []
  for (const name of readdirSync(folder, { encoding: 'buffer' })) {
    const text = name.toString('utf8')
    if (name.equals(Buffer.from(text))) good.add(text)
    else bad.push(showBytes(name))
  }
  return { good, bad }
}

/** Bytes of a name, those beyond ASCII as `\xNN`, so that a person finds it. */
function showBytes(name: Buffer): string {
  return [...name]
    .map((byte) =>
      byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`,
    )
    .join('')
}
