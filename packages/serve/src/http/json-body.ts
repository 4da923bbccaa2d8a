import { badInput, messageOf } from '../errors.ts'

/**
 * A body of JSON. Clients written in Python send `NaN`, `Infinity` and `-Infinity` as they are, which JSON does not know:
 * they come out as text, which tensors of floats take for the number.
 *
 * @throws ServeError where it is something else
 */
export function parseJson(body: Buffer): unknown {
  const text = body.toString()
  try {
    return JSON.parse(text)
  } catch (error) {
    const quoted = quoteSpecial(text)
    try {
      if (quoted !== null) return JSON.parse(quoted)
    } catch {
      // The first message is about what the client sent.
    }
    throw badInput(`the body is no JSON: ${messageOf(error)}`)
  }
}

/** An object of JSON. */
export function parseObject(body: Buffer): Record<string, unknown> {
  const value = parseJson(body)
  if (isObject(value)) return value
  throw badInput('the body must be an object of JSON: {…}')
}

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const special = /-?(?:NaN|Infinity)/y

/** Puts quotes around such numbers outside of strings; null where there are none. */
function quoteSpecial(text: string): string | null {
  if (!/NaN|Infinity/.test(text)) return null
  const parts: string[] = []
  let from = 0
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at)
    if (char === 0x22) at = endOfString(text, at)
    else if (char === 0x4e || char === 0x49 || char === 0x2d) {
      special.lastIndex = at
      const found = special.exec(text)?.[0]
      if (found === undefined) continue
      parts.push(text.slice(from, at), `"${found}"`)
      from = at + found.length
      at = from - 1
    }
  }
  return parts.length === 0 ? null : parts.join('') + text.slice(from)
}

function endOfString(text: string, begin: number): number {
  let at = begin + 1
  while (at < text.length && text.charCodeAt(at) !== 0x22) at += text.charCodeAt(at) === 0x5c ? 2 : 1
  return at
}
