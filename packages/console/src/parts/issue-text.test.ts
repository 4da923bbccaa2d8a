import { expect, test } from 'vitest'
import { z } from 'zod'
import { issueText } from './issue-text.ts'

const said = (schema: z.ZodType, value: unknown): string => issueText(schema.safeParse(value).error!.issues[0]!)

test('what is missing, too short, too long, too little or too much is said in plain words', () => {
  expect(said(z.string(), undefined)).toBe('It has to be given.')
  expect(said(z.string().min(1), '')).toBe('It has to be given.')
  expect(said(z.string().min(12), 'short')).toBe('At least 12 characters.')
  expect(said(z.string().max(3), 'long')).toBe('At most 3 characters.')
  expect(said(z.number().min(1), 0)).toBe('At least 1.')
  expect(said(z.number().max(100), 101)).toBe('At most 100.')
  expect(said(z.array(z.string()).max(2), ['a', 'b', 'c'])).toBe('At most 2.')
})

test('what the contract says itself stays', () => {
  expect(said(z.string().min(1, 'a name is needed'), '')).toBe('a name is needed')
  expect(said(z.string().regex(/^[a-z]+$/, 'only small letters'), 'A')).toBe('only small letters')
})
