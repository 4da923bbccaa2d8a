import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { quoteWord, toCommandLine } from './quote.ts'

test('plain words stay as they are', () => {
  expect(toCommandLine(['python', 'train.py', '--lr=0.1', 'a/b:c@d,e+f%g'])).toBe(
    'python train.py --lr=0.1 a/b:c@d,e+f%g',
  )
})

test('a single word is a shell line already', () => {
  expect(toCommandLine(['ls | wc -l'])).toBe('ls | wc -l')
})

test('what a shell would read otherwise is quoted', () => {
  expect(quoteWord('')).toBe("''")
  expect(quoteWord("it's")).toBe(`'it'\\''s'`)
  // In front of a command this sets a variable, as everyone who types it means.
  expect(toCommandLine(['LR=0.1', 'python', 'train.py'])).toBe('LR=0.1 python train.py')
  expect(quoteWord('~')).toBe("'~'")
})

test('a shell reads exactly the words that were quoted', () => {
  const word = fc.string({ unit: 'binary' }).map((text) => text.replaceAll(/\0/g, '').toWellFormed())
  fc.assert(
    fc.property(fc.array(word, { minLength: 2, maxLength: 8 }), (words) => {
      const line = toCommandLine(['printf', '%s\\0', ...words])
      const printed = execFileSync('/bin/sh', ['-c', line], { encoding: 'utf8' })
      expect(printed.split('\0').slice(0, -1)).toEqual(words)
    }),
    { numRuns: 25 },
  )
})
