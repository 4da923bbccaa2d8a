import type { Page } from 'playwright-core'

/**
 * Goes into every page before its own script: keeps what the browser itself notes of paints, long tasks and events, and
 * tells how long it took from an input until what it asked for was painted.
 */
export const probe = `(() => {
  performance.setResourceTimingBufferSize(100000)
  const bench = (window.bench = { tasks: [], events: [], largest: 0 })
  const observe = (type, take, more) =>
    new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({ type, buffered: true, ...more })
  observe('longtask', (entry) => bench.tasks.push([entry.startTime, entry.duration]))
  observe('event', (entry) => bench.events.push([entry.startTime, entry.duration]), { durationThreshold: 16 })
  observe('largest-contentful-paint', (entry) => (bench.largest = entry.startTime))
  // A task that is posted while a frame is made runs when the frame has been painted.
  const painted = (then) => {
    const channel = new MessageChannel()
    channel.port1.onmessage = () => then(performance.now())
    channel.port2.postMessage(0)
  }
  /** Resolves with the time when the condition holds in a frame, and how far apart all frames until then were. */
  bench.until = (holds, frames = []) => new Promise((resolve) => {
    let last = performance.now()
    const look = (now) => {
      frames.push(now - last)
      last = now
      if (holds()) painted(resolve)
      else requestAnimationFrame(look)
    }
    requestAnimationFrame(look)
  })
  const kinds = ['click', 'keydown', 'wheel', 'mousedown']
  /** Measures from the next input on. */
  bench.begin = (kind, holds) => {
    const frames = []
    const input = new Promise((resolve) => {
      window.addEventListener(kind, (event) => resolve(event.timeStamp), { once: true, capture: true, passive: true })
    })
    bench.measured = input.then(async (from) => ({ from, frames, to: await bench.until(holds, frames) }))
  }
  bench.result = async () => {
    const { from, to, frames } = await bench.measured
    // Entries of observers come a little later than what they tell of.
    await new Promise((resolve) => setTimeout(resolve, 120))
    return { ms: to - from, frames, ...bench.since(from) }
  }
  bench.since = (from) => {
    const longest = (list) => list.filter(([at, ms]) => at + ms >= from).reduce((most, [, ms]) => Math.max(most, ms), 0)
    return { longTaskMs: longest(bench.tasks), eventMs: longest(bench.events) }
  }
})()`

/** What one interaction took, in ms. */
export interface Measured {
  /** From the input until what it asked for was painted. */
  ms: number
  /** How far the frames until then were apart. */
  frames: number[]
  /** The longest task meanwhile; 0 when none took 50 ms. */
  longTaskMs: number
  /** The longest time from an input until the next paint, as the browser notes it; 0 when none took 16 ms. */
  eventMs: number
}

/** Does something that begins with an event of this kind, until the condition, an expression, holds in the page. */
export async function interact(
  page: Page,
  kind: 'click' | 'keydown' | 'wheel' | 'mousedown',
  act: () => Promise<unknown>,
  holds: string,
): Promise<Measured> {
  await page.evaluate(`bench.begin('${kind}', () => ${holds})`)
  await act()
  return await page.evaluate<Measured>('bench.result()')
}

/** What the tracing of the browser says of a while: frames that were drawn, those that were dropped, the longest task. */
export interface Smoothness {
  drawn: number
  dropped: number
  longTaskMs: number
  /** Milliseconds between frames, as the page saw them. */
  frames: number[]
}

/** Traces the browser while something is done. */
export async function trace(page: Page, act: () => Promise<unknown>): Promise<Smoothness> {
  const browser = page.context().browser()
  if (!browser) throw new Error('the browser is gone')
  const categories = ['disabled-by-default-devtools.timeline.frame', 'devtools.timeline', 'toplevel', 'cc', 'benchmark']
  await browser.startTracing(page, { categories })
  await page.evaluate(`(() => {
    const watch = (bench.watch = { frames: [], on: true })
    let last = performance.now()
    const look = (now) => {
      watch.frames.push(now - last)
      last = now
      if (watch.on) requestAnimationFrame(look)
    }
    requestAnimationFrame(look)
  })()`)
  await act()
  const frames = await page.evaluate<number[]>('((bench.watch.on = false), bench.watch.frames)')
  const { traceEvents } = JSON.parse(String(await browser.stopTracing())) as { traceEvents: TraceEvent[] }
  const main = new Set(traceEvents.filter(isRendererMain).map(({ pid, tid }) => `${pid} ${tid}`))
  const tasks = traceEvents.filter(({ name, pid, tid }) => isTask(name) && main.has(`${pid} ${tid}`))
  const count = (name: string) => traceEvents.filter((event) => event.name === name).length
  return {
    drawn: count('DrawFrame'),
    dropped: count('DroppedFrame'),
    longTaskMs: tasks.reduce((most, { dur = 0 }) => Math.max(most, dur / 1000), 0),
    frames: frames.slice(1),
  }
}

interface TraceEvent {
  name: string
  pid: number
  tid: number
  dur?: number
  args?: { name?: string }
}

const isTask = (name: string): boolean => name === 'RunTask' || name === 'ThreadControllerImpl::RunTask'

const isRendererMain = ({ name, args }: TraceEvent): boolean =>
  name === 'thread_name' && args?.name === 'CrRendererMain'
