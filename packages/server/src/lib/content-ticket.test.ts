import { expect, test } from 'vitest'
import { type ContentTicket, isWithin, readTicket, signTicket } from './content-ticket.ts'

const key = Buffer.alloc(32, 1)
const ticket: ContentTicket = {
  teamId: 'te1',
  volumeId: 'vo1',
  prefix: 'a/b',
  shownBy: 'http://localhost:7070',
  expiresAt: 1000,
}

test('what was signed is read, until it ends', () => {
  const text = signTicket(ticket, key)
  expect(text).toMatch(/^[\w-]+\.[\w-]{43}$/)
  expect(readTicket(text, key, 999)).toEqual(ticket)
  expect(readTicket(text, key, 1000)).toBeUndefined()
})

test('what was not signed with this key is nothing', () => {
  const text = signTicket(ticket, key)
  const other = signTicket({ ...ticket, teamId: 'te2' }, key)
  const mixed = `${other.split('.')[0]}.${text.split('.')[1]}`
  const wrong = [
    mixed,
    signTicket(ticket, Buffer.alloc(32, 2)),
    text.slice(0, -1),
    `${text}x`,
    `.${text}`,
    '',
    '.',
    'x.y',
  ]
  for (const one of wrong) expect(readTicket(one, key, 0)).toBeUndefined()
})

test.each([
  ['a/b', 'a/b', true],
  ['a/b', 'a/b/c', true],
  ['', 'anything', true],
  ['a/b', 'a/bc', false],
  ['a/b', 'a', false],
  ['a/b', '', false],
  ['a/b', 'A/b/c', false],
  ['a/b', '/a/b', false],
])('within %j is %j: %s', (prefix, path, within) => expect(isWithin(prefix, path)).toBe(within))
