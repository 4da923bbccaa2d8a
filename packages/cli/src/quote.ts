/** A word that a POSIX shell reads as exactly this text. */
export function quoteWord(word: string): string {
  if (/^[A-Za-z0-9_@%+:,./-][A-Za-z0-9_@%+=:,./-]*$/.test(word)) return word
  return `'${word.replaceAll("'", `'\\''`)}'`
}

/**
 * The shell line for the words after `--`. One word is a line already (`'a | b'`, quoted by the user on purpose);
 * several are quoted one by one, so that the job gets exactly the words that the user's shell made.
 */
export function toCommandLine(words: readonly string[]): string {
  const [first] = words
  if (words.length === 1 && first !== undefined) return first
  return words.map(quoteWord).join(' ')
}
