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
  if (typeof value === 'string' && isBlock(value)) return blockOf(value, indent)
  return ` ${scalar(value)}\n`
}

/** Several lines that a block can hold as they are. */
const isBlock = (text: string): boolean => /\n./.test(text) && /^\S/.test(text) && !/[^\P{C}\n\t]|\n\n$/u.test(text)

/** YAML 1.2, 8.1: the lines as they are; a dash where there is no line break at the end. */
function blockOf(text: string, indent: string): string {
  const isEnded = text.endsWith('\n')
  const lines = (isEnded ? text.slice(0, -1) : text).split('\n')
  const inner = indent === '' ? '  ' : indent
  return ` |${isEnded ? '' : '-'}\n${lines.map((line) => (line === '' ? '\n' : `${inner}${line}\n`)).join('')}`
}

/** A JSON text is a YAML one too; only words that cannot mean anything else stand without quotes. */
function scalar(value: unknown): string {
  if (typeof value !== 'string') return JSON.stringify(value)
  const isPlain =
    /^[A-Za-z_/][\w./@-]*( [\w./=-]+)*$/.test(value) && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(value)
  return isPlain ? value : JSON.stringify(value)
}
