import { expect, test } from 'vitest'
import { errorBody, errorCatalogue, fillTemplate } from './errors.ts'

test.each(Object.entries(errorCatalogue))('%s: says what happened and what to do, in sentences', (code, entry) => {
  expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/)
  expect(entry.status).toBeGreaterThanOrEqual(400)
  expect(entry.status).toBeLessThan(600)
  // What is one parameter is a whole sentence given by whoever throws it.
  expect(entry.message).toMatch(/^(\{\w+\}|[A-Z].*\.)$/)
  expect(entry.hint).toMatch(/^(\{\w+\}|[A-Z`].*\.)$/)
})

test('parameters are filled in, and those that are missing stay visible', () => {
  expect(fillTemplate('There is no {noun} {id}.', { noun: 'job', id: 7 })).toBe('There is no job 7.')
  expect(fillTemplate('There is no {noun} {id}.', { noun: 'job' })).toBe('There is no job {id}.')
  expect(fillTemplate('{detail}', { detail: '{noun}', noun: 'x' })).toBe('{noun}')
  expect(fillTemplate('{a}', { a: '$& $1' })).toBe('$& $1')
})

test('the body of an error is what clients rely on', () => {
  const error = { code: 'not_found', message: 'x', hint: 'y', requestId: 'z' }
  expect(errorBody.parse({ error })).toEqual({ error })
  expect(errorBody.safeParse({ error: { code: 'x' } }).success).toBe(false)
})
