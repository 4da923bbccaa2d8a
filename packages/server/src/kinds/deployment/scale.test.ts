import { autoscaling, type DeploymentGuard } from '@nabla/api/deployment'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Load, scaleTo, type ScaleMemory, verdictOn } from './scale.ts'

const nothing: ScaleMemory = { wanted: [], busyAt: 0 }
const quiet: Load = { outstanding: 0, rate: 0, latencyMs: null, cpu: null }

describe('scaleTo', () => {
  test.each([
    ['more under way than each is to have', 'outstanding', 4, 2, { outstanding: 16 }, 4],
    ['as much as each is to have', 'outstanding', 4, 2, { outstanding: 8 }, 2],
    ['hardly more: within a tenth', 'outstanding', 10, 2, { outstanding: 21 }, 2],
    ['more requests per second', 'rate', 50, 1, { rate: 120 }, 3],
    ['answers that take twice as long', 'latency', 100, 2, { latencyMs: 200, rate: 1 }, 4],
    ['busy processors', 'cpu', 60, 2, { cpu: 90 }, 3],
    ['processors that nobody could measure', 'cpu', 60, 2, {}, 2],
    ['more than there may be', 'outstanding', 1, 2, { outstanding: 100 }, 5],
    ['little to do', 'outstanding', 4, 4, { outstanding: 3 }, 1],
  ] as const)('%s', (_, metric, target, instances, load, expected) => {
    const settings = autoscaling.parse({ min: 1, max: 5, metric, target })
    expect(scaleTo(settings, instances, { ...quiet, ...load }, nothing, 0).count).toBe(expected)
  })

  test('goes down only when the cool-down has passed since more was wanted', () => {
    const settings = autoscaling.parse({ min: 1, max: 5, target: 1, cooldownSeconds: 60 })
    const high = scaleTo(settings, 1, { ...quiet, outstanding: 4 }, nothing, 0)
    expect(high.count).toBe(4)
    const soon = scaleTo(settings, 4, { ...quiet, outstanding: 1 }, high.memory, 59_000)
    expect(soon.count).toBe(4)
    expect(scaleTo(settings, 4, { ...quiet, outstanding: 1 }, soon.memory, 60_000).count).toBe(1)
  })

  test('goes to none only after silence, and stays there', () => {
    const settings = autoscaling.parse({ min: 0, max: 2, target: 1, idleSeconds: 100, cooldownSeconds: 1 })
    const busy = scaleTo(settings, 1, { ...quiet, rate: 1 }, nothing, 50_000)
    expect(scaleTo(settings, 1, quiet, busy.memory, 149_000).count).toBe(1)
    const idle = scaleTo(settings, 1, quiet, busy.memory, 150_000)
    expect(idle.count).toBe(0)
    expect(scaleTo(settings, 0, { ...quiet, outstanding: 3 }, idle.memory, 151_000).count).toBe(0)
  })

  test('stays within its bounds, whatever is measured', () => {
    const any = fc.record({
      outstanding: fc.nat(10_000),
      rate: fc.double({ min: 0, max: 1e6, noNaN: true }),
      latencyMs: fc.option(fc.double({ min: 0, max: 1e6, noNaN: true })),
      cpu: fc.option(fc.double({ min: 0, max: 100, noNaN: true })),
    })
    const metrics = fc.constantFrom('outstanding', 'rate', 'latency', 'cpu')
    fc.assert(
      fc.property(any, metrics, fc.integer({ min: 1, max: 10 }), (load, metric, instances) => {
        const settings = autoscaling.parse({ min: 2, max: 8, metric, target: 3 })
        const { count } = scaleTo(settings, instances, load, nothing, 0)
        expect(count).toBeGreaterThanOrEqual(2)
        expect(count).toBeLessThanOrEqual(8)
      }),
    )
  })
})

test.each([
  ['does well', { requests: 100, errors: 1, latencyMs: 50 }, null],
  ['was asked too little', { requests: 5, errors: 5, latencyMs: 9000 }, null],
  ['fails', { requests: 100, errors: 20, latencyMs: 50 }, '20 % of its requests failed, and 5 % may.'],
  ['is slow', { requests: 100, errors: 0, latencyMs: 900 }, 'Its p95 was 900 ms, and 500 ms may be.'],
])('a guard tells of a revision that %s', (_, conduct, expected) => {
  const guard: DeploymentGuard = { errorShare: 0.05, latencyMs: 500, windowSeconds: 60, requests: 20 }
  expect(verdictOn(guard, conduct)).toBe(expected)
})
