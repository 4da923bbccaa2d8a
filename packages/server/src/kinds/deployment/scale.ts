import type { Autoscaling, DeploymentGuard } from '@nabla/api/deployment'

/** What was measured of a deployment in some seconds, of all its instances together. */
export interface Load {
  /** Requests and sockets under way, with those that wait. */
  outstanding: number
  /** Answered per second. */
  rate: number
  /** p95 in milliseconds; null: nothing was answered. */
  latencyMs: number | null
  /** Percent of the processors that its instances have, together over all; null: not known. */
  cpu: number | null
}

/** What a scaler remembers of a deployment between two looks; times are milliseconds on a steady clock. */
export interface ScaleMemory {
  /** The most that was wanted lately, each with the time when that was. */
  wanted: readonly { at: number; count: number }[]
  /** When a request was under way last. */
  busyAt: number
}

/** Within this share of the target nothing changes: figures always waver. */
const tolerance = 0.1

/**
 * How many instances there are to be, and what is to be remembered. Pure. By the rule of Kubernetes' autoscaler,
 * `instances × value / target` rounded up, up at once and down to the most that was wanted during the cool-down
 * (https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#algorithm-details). To none only after
 * silence, and from none by the first request, which is not decided here.
 */
export function scaleTo(
  settings: Autoscaling,
  instances: number,
  load: Load,
  memory: ScaleMemory,
  now: number,
): { count: number; memory: ScaleMemory } {
  const { min, max, cooldownSeconds, idleSeconds } = settings
  const busyAt = load.outstanding > 0 || load.rate > 0 ? now : memory.busyAt
  if (instances === 0) return { count: 0, memory: { wanted: [], busyAt } }
  const raw = wantedBy(settings, instances, load)
  const recent = memory.wanted.filter(({ at }) => now - at < cooldownSeconds * 1000)
  const wanted = [...recent.filter(({ count }) => count > raw), { at: now, count: raw }]
  const isIdle = min === 0 && now - busyAt >= idleSeconds * 1000
  const least = isIdle ? 0 : Math.max(1, min)
  const most = isIdle ? 0 : Math.max(...wanted.map(({ count }) => count))
  return { count: Math.min(max, Math.max(least, most)), memory: { wanted, busyAt } }
}

function wantedBy({ metric, target }: Autoscaling, instances: number, load: Load): number {
  const value = valueOf(metric, instances, load)
  if (value === null) return metric === 'latency' && load.outstanding === 0 ? 1 : instances
  const share = value / target
  return Math.abs(share - 1) <= tolerance ? instances : Math.ceil(instances * share)
}

/** Of each instance; latency and processors are of all. */
function valueOf(metric: Autoscaling['metric'], instances: number, load: Load): number | null {
  if (metric === 'outstanding') return load.outstanding / instances
  if (metric === 'rate') return load.rate / instances
  return metric === 'latency' ? load.latencyMs : load.cpu
}

/** What was measured of one revision within the window of a guard. */
export interface Conduct {
  requests: number
  errors: number
  /** The largest p95 of any part of the window; null: nothing was answered. */
  latencyMs: number | null
}

/** Why a revision is to be taken back, in a sentence; null: it does well, or too little was asked of it to tell. Pure. */
export function verdictOn({ errorShare, latencyMs, requests }: DeploymentGuard, conduct: Conduct): string | null {
  if (conduct.requests < requests) return null
  const share = conduct.errors / conduct.requests
  const percent = (part: number) => `${Math.round(part * 1000) / 10} %`
  if (share > errorShare) return `${percent(share)} of its requests failed, and ${percent(errorShare)} may.`
  if (latencyMs === null || conduct.latencyMs === null || conduct.latencyMs <= latencyMs) return null
  return `Its p95 was ${Math.round(conduct.latencyMs)} ms, and ${latencyMs} ms may be.`
}
