import type { Event } from '@nabla/api/event'
import { expect, test } from 'vitest'
import { foldEvents } from './fold-events.ts'

test('what happens to one thing in a row is told once, with the newest of it', () => {
  const events = [
    event(6, 'experiment.trial_ended', 'search'),
    event(5, 'experiment.trial_ended', 'search'),
    event(4, 'job.failed', 'flaky'),
    event(3, 'experiment.trial_ended', 'search'),
    event(2, 'experiment.trial_ended', 'other'),
    event(1, 'experiment.trial_ended', 'other', 'ada'),
  ]
  const told = foldEvents(events).map(({ event: { seq }, times }) => [seq, times])
  expect(told).toEqual([
    [6, 2],
    [4, 1],
    [3, 1],
    [2, 1],
    [1, 1],
  ])
  expect(foldEvents([])).toEqual([])
})

const event = (seq: number, type: string, subject: string, actor: string | null = null): Event => ({
  seq,
  at: '2026-11-22T10:00:00.000Z',
  projectId: null,
  subject,
  type,
  actor,
  data: {},
})
