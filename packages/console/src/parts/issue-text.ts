import type { z } from 'zod'

type Issue = z.core.$ZodIssue

/**
 * What is wrong with a value, for a reader. The contract says it itself where it can; what the validator says by default
 * is made for programmers.
 */
export function issueText(issue: Issue): string {
  const { message } = issue
  if (message.endsWith('received undefined')) return 'It has to be given.'
  const counts = 'origin' in issue && (issue.origin === 'string' || issue.origin === 'array')
  const unit = 'origin' in issue && issue.origin === 'string' ? ' characters' : ''
  if (issue.code === 'too_small' && message.startsWith('Too small'))
    return counts && issue.minimum === 1 ? 'It has to be given.' : `At least ${issue.minimum}${unit}.`
  if (issue.code === 'too_big' && message.startsWith('Too big')) return `At most ${issue.maximum}${unit}.`
  return message
}
