/**
 * Which paths of a build context stay behind, by the rules of a `.dockerignore`:
 * https://docs.docker.com/build/concepts/context/#dockerignore-files. A line is a pattern for a path and all below it;
 * `*` and `?` stop at slashes, `**` does not; a line with `!` takes back what lines before it left out.
 */
export interface Ignore {
  /** Whether a file stays behind. `path`: relative, with slashes. */
  ignores(path: string): boolean
  /** Whether nothing below a folder travels. */
  ignoresAllOf(folder: string): boolean
}

interface Rule {
  form: RegExp
  takesBack: boolean
}

export function parseDockerignore(text: string): Ignore {
  const rules = text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .flatMap((line) => ruleOf(line) ?? [])
  const hasExceptions = rules.some(({ takesBack }) => takesBack)
  const ignores = (path: string) => {
    const paths = [...parentsOf(path), path]
    const last = rules.findLast(({ form }) => paths.some((one) => form.test(one)))
    return last !== undefined && !last.takesBack
  }
  return { ignores, ignoresAllOf: (folder) => !hasExceptions && ignores(folder) }
}

function ruleOf(line: string): Rule | null {
  if (line.startsWith('#')) return null
  const trimmed = line.trim()
  const takesBack = trimmed.startsWith('!')
  const pattern = plain(takesBack ? trimmed.slice(1).trim() : trimmed)
  // Docker takes a dot alone for no pattern: all would stay behind.
  return pattern === '' ? null : { form: toRegExp(pattern), takesBack }
}

/** Without `.` and empty parts, and with `..` resolved inside the context, as Go's `filepath.Clean` does. */
function plain(pattern: string): string {
  const parts: string[] = []
  for (const part of pattern.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return parts.join('/')
}

function toRegExp(pattern: string): RegExp {
  let form = ''
  for (let index = 0; index < pattern.length; index += 1) {
    const rest = pattern.slice(index)
    const [found, translated] = translate(rest)
    form += translated
    index += found.length - 1
  }
  return new RegExp(`^${form}$`, 's')
}

/** The first piece of a pattern and what it is as a regular expression. */
function translate(rest: string): [string, string] {
  if (rest.startsWith('**/')) return ['**/', '(?:.*/)?']
  if (rest.startsWith('**')) return ['**', '.*']
  if (rest.startsWith('*')) return ['*', '[^/]*']
  if (rest.startsWith('?')) return ['?', '[^/]']
  const group = /^\[(\^?)((?:\\.|[^\]\\])+)\]/.exec(rest)
  if (group) return [group[0], `[${group[1]}${(group[2] ?? '').replaceAll('[', String.raw`\[`)}]`]
  const letter = rest.startsWith('\\') && rest.length > 1 ? (rest[1] ?? '') : (rest[0] ?? '')
  const taken = rest.startsWith('\\') && rest.length > 1 ? rest.slice(0, 2) : letter
  return [taken, letter.replaceAll(/[$()*+.?[\\\]^{|}/]/g, String.raw`\$&`)]
}

function parentsOf(path: string): string[] {
  const parts = path.split('/')
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'))
}
