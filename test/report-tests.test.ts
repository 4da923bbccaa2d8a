import { expect, test } from 'vitest'
import { countTests } from '../tools/report-tests.ts'

const file = (status: string, outcomes: string[], message = '') => ({
  name: 'a.test.ts',
  status,
  message,
  assertionResults: outcomes.map((status, index) => ({ fullName: `test ${index}`, status })),
})

test('each test counts once, by how it ended', () => {
  const report = { testResults: [file('failed', ['passed', 'failed', 'pending', 'todo']), file('passed', ['passed'])] }
  expect(countTests(report)).toEqual({
    passed: 2,
    failed: ['a.test.ts: test 1'],
    skipped: ['a.test.ts: test 2', 'a.test.ts: test 3'],
  })
})

test('what failed is told with its reason', () => {
  const assertionResults = ['failed'].map((status) => {
    return { fullName: `a ${status} test`, status, failureMessages: ['Error: late\n    at a.test.ts:1'] }
  })
  expect(countTests({ testResults: [{ ...file('failed', []), assertionResults }] })).toEqual({
    passed: 0,
    failed: ['a.test.ts: a failed test – Error: late'],
    skipped: [],
  })
})

test('a file that does not load is a failure', () => {
  const report = { testResults: [file('failed', [], 'no such module\nat line 1')] }
  expect(countTests(report)).toEqual({ passed: 0, failed: ['a.test.ts: no such module'], skipped: [] })
})
