import { expect, test } from 'vitest'
import { parseMarkdown } from './markdown.ts'

test('blocks', () => {
  const text = '# Head #\n\none\ntwo\n- a\n- b\n  more\n1. x\n\n> said\n> so\n\n```py\nx = "**"\n```\n---'
  expect(parseMarkdown(text)).toEqual([
    { is: 'heading', level: 1, content: [{ is: 'text', text: 'Head' }] },
    { is: 'paragraph', content: [{ is: 'text', text: 'one two' }] },
    { is: 'list', ordered: false, items: [[{ is: 'text', text: 'a' }], [{ is: 'text', text: 'b more' }]] },
    { is: 'list', ordered: true, items: [[{ is: 'text', text: 'x' }]] },
    { is: 'quote', content: [{ is: 'text', text: 'said so' }] },
    { is: 'code', text: 'x = "**"' },
    { is: 'rule' },
  ])
})

test('within a line', () => {
  expect(parseMarkdown('a **b** _c_ `d` snake_case_name [e](https://e.org/x)')[0]).toEqual({
    is: 'paragraph',
    content: [
      { is: 'text', text: 'a ' },
      { is: 'strong', text: 'b' },
      { is: 'text', text: ' ' },
      { is: 'emphasis', text: 'c' },
      { is: 'text', text: ' ' },
      { is: 'code', text: 'd' },
      { is: 'text', text: ' snake_case_name ' },
      { is: 'link', text: 'e', href: 'https://e.org/x' },
    ],
  })
})

test('what could run stays text', () => {
  const found = JSON.stringify(
    parseMarkdown('[x](javascript:alert(1)) <img src=x onerror=alert(1)> [y](data:text/html,z)'),
  )
  expect(found).not.toContain('href')
})

test('odd input ends', () => {
  for (const text of ['```', '>', '- ', '#', '***', '1.', '['.repeat(5000)]) expect(parseMarkdown(text)).toBeDefined()
})
