import { request } from 'node:http'
import { connect } from 'node:net'
import type { HealthCheck, HealthChecks } from '@nabla/api/deployment'
import type { Address } from '../../engines/engine.ts'
import type { Clock } from '../../lib/clock.ts'

/** How an instance does, by its checks. */
export interface Health {
  /** The check before all others was good; they have begun. */
  isUp: boolean
  isReady: boolean
  /** It is to be started again. */
  isDead: boolean
  /** Bad answers in a row. */
  startup: number
  readiness: number
  liveness: number
}

export const unknownHealth = (isReady: boolean): Health => ({
  isUp: isReady,
  isReady,
  isDead: false,
  startup: 0,
  readiness: 0,
  liveness: 0,
})

/** What a round of checks makes of an instance; null: that check was not made. Pure. */
export function judge(
  health: Health,
  { readiness, liveness, startup }: HealthChecks,
  found: { startup?: boolean | null; readiness?: boolean | null; liveness?: boolean | null },
): Health {
  const next = { ...health }
  if (!next.isUp) {
    if (startup === null || found.startup === true) next.isUp = true
    else if (found.startup === false) {
      next.startup += 1
      next.isDead ||= next.startup >= startup.failures && startup.failures > 0
    }
  }
  if (!next.isUp) return next
  if (found.readiness === true) Object.assign(next, { isReady: true, readiness: 0 })
  if (found.readiness === false) {
    next.readiness += 1
    if (next.readiness >= readiness.failures) next.isReady = false
  }
  if (found.liveness === true) next.liveness = 0
  // One that has never been ready may be busy with its start: that has a bound of its own.
  if (found.liveness === false && (startup !== null || health.isReady || next.liveness > 0)) {
    next.liveness += 1
    next.isDead ||= liveness !== null && next.liveness >= liveness.failures
  }
  return next
}

/** Asks once: whether the answer is good. Never rejects. */
export function probe(address: Address, { path, port, timeoutSeconds }: HealthCheck, clock: Clock): Promise<boolean> {
  const at = { host: address.host, port: port ?? address.port }
  return path === null ? connects(at, timeoutSeconds * 1000, clock) : answers(at, path, timeoutSeconds * 1000, clock)
}

function connects(at: Address, timeoutMs: number, clock: Clock): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(at)
    const settle = (good: boolean) => {
      cancel()
      socket.destroy()
      resolve(good)
    }
    const cancel = clock.after(timeoutMs, () => settle(false))
    socket.once('connect', () => settle(true))
    socket.once('error', () => settle(false))
  })
}

function answers(at: Address, path: string, timeoutMs: number, clock: Clock): Promise<boolean> {
  return new Promise((resolve) => {
    const sent = request({ ...at, path, agent: false, headers: { 'user-agent': 'nabla-health' } })
    const settle = (good: boolean) => {
      cancel()
      sent.destroy()
      resolve(good)
    }
    const cancel = clock.after(timeoutMs, () => settle(false))
    sent.once('response', ({ statusCode = 500 }) => settle(statusCode >= 200 && statusCode < 400))
    sent.on('error', () => settle(false))
    sent.end()
  })
}
