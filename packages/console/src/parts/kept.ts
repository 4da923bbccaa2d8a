/** Small choices that this browser keeps: columns, the theme. A browser that keeps nothing forgets them. */

/** Reads what was kept under a name; `fallback` if there is nothing, or it cannot be read. */
export function readKept<Value>(name: string, fallback: Value): Value {
  try {
    const text = localStorage.getItem(`nabla.${name}`)
    return text === null ? fallback : (JSON.parse(text) as Value)
  } catch {
    return fallback
  }
}

export function writeKept(name: string, value: unknown): void {
  try {
    localStorage.setItem(`nabla.${name}`, JSON.stringify(value))
  } catch {
    // Full, or not allowed: the choice holds until the page is closed.
  }
}
