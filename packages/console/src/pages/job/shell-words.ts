/** The words of a command line; or why it cannot be read, in a sentence. */
export type ShellWords = { words: string[] } | { problem: string }

/** What a shell would do something about; here nothing is run and nothing is filled in. */
const special = new Set(['|', '&', ';', '<', '>', '(', ')'])

/**
 * Splits a line as a POSIX shell does (XCU 2.2): quotes, backslashes, and lines that go on after one. What a shell
 * would fill in or run (`$HOME`, backquotes, pipes) is refused, for its meaning is known to that shell alone.
 */
export function splitShellWords(line: string): ShellWords {
  const words: string[] = []
  let word: string | undefined
  for (let at = 0; at < line.length;) {
    const sign = line[at]!
    if (/\s/.test(sign)) {
      if (word !== undefined) words.push(word)
      word = undefined
      at += 1
      continue
    }
    if (sign === '#' && word === undefined) {
      const end = line.indexOf('\n', at)
      at = end === -1 ? line.length : end
      continue
    }
    const part = readPart(line, at)
    if ('problem' in part) return part
    if (part.text !== undefined) word = (word ?? '') + part.text
    at = part.next
  }
  if (word !== undefined) words.push(word)
  return { words }
}

type Part = { text: string | undefined; next: number } | { problem: string }

/** One quoted stretch, or one sign that stands for itself. */
function readPart(line: string, at: number): Part {
  const sign = line[at]!
  if (sign === "'") {
    const end = line.indexOf("'", at + 1)
    if (end === -1) return { problem: 'A single quote is not closed.' }
    return { text: line.slice(at + 1, end), next: end + 1 }
  }
  if (sign === '"') return readDoubleQuoted(line, at + 1)
  if (sign === '\\') {
    const escaped = line[at + 1]
    if (escaped === undefined) return { problem: 'The line ends in a backslash.' }
    return { text: escaped === '\n' ? undefined : escaped, next: at + 2 }
  }
  if (sign === '$' || sign === '`') return fillsIn(line, at)
  if (special.has(sign)) {
    return { problem: `${sign} is for your shell. Put the command in quotes: nabla run -- 'a | b'` }
  }
  return { text: sign, next: at + 1 }
}

function readDoubleQuoted(line: string, start: number): Part {
  let text = ''
  for (let at = start; at < line.length; at++) {
    const sign = line[at]!
    if (sign === '"') return { text, next: at + 1 }
    if (sign === '$' || sign === '`') return fillsIn(line, at)
    const escaped = line[at + 1]
    if (sign === '\\' && escaped !== undefined && '$`"\\\n'.includes(escaped)) {
      if (escaped !== '\n') text += escaped
      at += 1
    } else text += sign
  }
  return { problem: 'A double quote is not closed.' }
}

function fillsIn(line: string, at: number): Part {
  const shown = /^(\$[({]?\w*[)}]?|.)/.exec(line.slice(at))?.[0] ?? ''
  if (shown === '$') return { text: '$', next: at + 1 }
  return { problem: `${shown} is filled in by your shell. Write what it stands for, or put it in single quotes.` }
}
