/** A value of JSON as YAML 1.2: blocks for lists and objects, texts in double quotes where they must be. */
export function toYaml(value: unknown, indent = ''): string {
  if (Array.isArray(value)) {
    if (value.length === 0) return ' []\n'
    return `\n${value.map((one) => `${indent}-${toYaml(one, `${indent}  `).replace(/^\n\s*/, ' ')}`).join('')}`
  }
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).filter(([, one]) => one !== undefined)
    if (entries.length === 0) return ' {}\n'
    return `\n${entries.map(([name, one]) => `${indent}${scalar(name)}:${toYaml(one, `${indent}  `)}`).join('')}`
  }
  return ` ${scalar(value)}\n`
}

/** A JSON text is a YAML one too; only words that cannot mean anything else stand without quotes. */
function scalar(value: unknown): string {
  if (typeof value !== 'string') return JSON.stringify(value)
  const isPlain =
    /^[A-Za-z_/][\w./-]*( [\w./=-]+)*$/.test(value) && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(value)
  return isPlain ? value : JSON.stringify(value)
}
