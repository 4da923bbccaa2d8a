import type { Event } from '@nabla/api/event'
import { useEffect, useRef, useSyncExternalStore } from 'react'
import { now } from '../clock.ts'
import { plainClient } from './client.ts'
import type { Pages } from './list-merge.ts'
import { queries } from './query.ts'
import { isSignedOut, signedInAgain } from './session.ts'
import { endWhenSilent, pauseWhenHidden, untilShown } from './stream-watch.ts'

/** How the connection for live updates is: `retryAt` is when it is tried next, in ms since 1970. */
export type LiveState =
  | { is: 'connecting' }
  | { is: 'live' }
  | { is: 'paused' }
  | { is: 'offline'; retryAt: number; tries: number }

let state: LiveState = { is: 'connecting' }
const watchers = new Set<() => void>()
const handlers = new Set<(event: Event) => void>()

/** One connection: what ends it, and what makes a waiting one try at once. */
let running: AbortController | undefined
let hurry: () => void = () => undefined
let broken: () => void = () => undefined

/** A hidden page gives its connection back after this long: browsers allow few to one server, over all their tabs. */
const hiddenMs = 60_000
const firstDelayMs = 1000
const longestDelayMs = 30_000
/** Changes come in bursts: what is stale is read again once for all of them. */
const settleMs = 300

/**
 * Keeps all that was read up to date over one stream of events, which is resumed after the last one whenever it
 * breaks. Returns what ends it.
 */
export function startLive(): () => void {
  const control = new AbortController()
  running?.abort()
  running = control
  void follow(control.signal)
  const retryNow = () => hurry()
  const letGo = () => broken()
  window.addEventListener('online', retryNow)
  window.addEventListener('offline', letGo)
  return () => {
    control.abort()
    window.removeEventListener('online', retryNow)
    window.removeEventListener('offline', letGo)
  }
}

/** The state of the connection; the component is drawn again when it changes. */
export function useLiveState(): LiveState {
  return useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher)
      return () => watchers.delete(watcher)
    },
    () => state,
  )
}

/** Tries a connection that broke again at once. */
export const retryLive = (): void => hurry()

/** Calls back with every event of the team as it happens, such as `job.started`. */
export function useLiveEvents(handler: (event: Event) => void): void {
  const latest = useRef(handler)
  latest.current = handler
  useEffect(() => {
    const handle = (event: Event) => latest.current(event)
    handlers.add(handle)
    return () => void handlers.delete(handle)
  }, [])
}

async function follow(signal: AbortSignal): Promise<void> {
  let last: string | undefined
  let tries = 0
  while (!signal.aborted) {
    const pause = new AbortController()
    const stopWatching = pauseWhenHidden(hiddenMs, pause)
    const lost = new AbortController()
    const silence = endWhenSilent(lost)
    broken = () => lost.abort()
    try {
      const headers: Record<string, string> = last === undefined ? {} : { 'last-event-id': last }
      const stop = AbortSignal.any([signal, pause.signal, lost.signal])
      setState(tries === 0 && state.is !== 'paused' ? { is: 'connecting' } : state)
      for await (const message of plainClient.event.stream(
        {},
        { signal: stop, headers, onOpen, onBeat: silence.beat },
      )) {
        last = message.id
        hear(message.data)
      }
    } catch (error) {
      if (signal.aborted) return
      if (isSignedOut(error)) await signedInAgain()
      else if (pause.signal.aborted) {
        setState({ is: 'paused' })
        await untilShown(signal)
      } else {
        tries += 1
        await waitToRetry(tries, signal)
      }
    } finally {
      stopWatching()
      silence.stop()
    }
  }

  function onOpen(): void {
    // What changed while nobody listened is not told when there was nothing to resume after.
    if (last === undefined && tries > 0) void queries.invalidateQueries()
    tries = 0
    setState({ is: 'live' })
  }
}

let stale = new Map<string, Set<string>>()
let settling: ReturnType<typeof setTimeout> | undefined

function hear(event: Event): void {
  for (const handler of handlers) handler(event)
  const noun = event.type.split('.', 1)[0]!
  for (const touched of [noun, ...(alsoTouches[noun] ?? [])]) {
    const subjects = stale.get(touched) ?? new Set()
    stale.set(touched, subjects.add(event.subject))
  }
  settling ??= setTimeout(() => {
    settling = undefined
    const touched = stale
    stale = new Map()
    void queries.invalidateQueries({ predicate: ({ queryKey, state }) => isStale(queryKey, state.data, touched) })
    forgetUnseenLists(touched)
  }, settleMs)
}

/** What else an event of a noun changes: counts and places that other nouns show. */
const alsoTouches: Record<string, readonly string[]> = {
  job: ['project', 'machine-type', 'artifact'],
  project: ['job', 'model'],
  experiment: ['sweep'],
  deployment: ['model'],
  instance: ['deployment'],
  member: ['team', 'user'],
  team: ['user'],
  user: ['team'],
  password: ['user'],
  retention: ['artifact'],
}

/** Lists keep themselves (`list.ts`); what shows one thing is stale when that thing changed, all else of the noun too. */
function isStale(key: readonly unknown[], data: unknown, touched: Map<string, Set<string>>): boolean {
  const subjects = touched.get(String(key[0]))
  if (!subjects || key[1] === 'pages') return false
  const id = (data as { id?: unknown } | undefined)?.id
  return typeof id !== 'string' || subjects.has(id) || key[0] === 'project'
}

/** A list that nobody sees does not keep itself: of what it had the first page stays, until it is read again. */
function forgetUnseenLists(touched: Map<string, Set<string>>): void {
  const unseen = queries
    .getQueryCache()
    .findAll({ predicate: ({ queryKey }) => queryKey[1] === 'pages' && touched.has(String(queryKey[0])) })
    .filter((query) => query.getObserversCount() === 0)
  for (const { queryKey } of unseen) {
    queries.setQueryData<Pages<unknown>>(
      queryKey,
      (now) => now && { pages: now.pages.slice(0, 1), pageParams: now.pageParams.slice(0, 1) },
    )
    void queries.invalidateQueries({ queryKey, exact: true, refetchType: 'none' })
  }
}

function setState(next: LiveState): void {
  if (next === state) return
  state = next
  for (const watcher of watchers) watcher()
}

async function waitToRetry(tries: number, signal: AbortSignal): Promise<void> {
  const delayMs = Math.min(longestDelayMs, firstDelayMs * 2 ** (tries - 1))
  setState({ is: 'offline', retryAt: now() + delayMs, tries })
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, delayMs)
    hurry = () => {
      clearTimeout(timer)
      resolve()
    }
    signal.addEventListener('abort', hurry, { once: true })
  })
}
