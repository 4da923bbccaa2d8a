import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { WebSocketServer } from 'ws'
import type { Clock } from '../lib/clock.ts'
import { limits } from '../lib/limits.ts'
import type { GivenSocket } from '../proxy/served.ts'
import { KernelRuns } from './kernel-runs.ts'
import { look, type Sight } from './look.ts'
import { KernelRelay } from './relay.ts'
import type { JupyterPlace } from './rest.ts'
import { saveRuns } from './save.ts'
import { Upstream, UpstreamRefused } from './upstream.ts'
import { v1Protocol } from './wire.ts'

/** A Jupyter server that runs, by the id of whatever has it. */
export interface RunningJupyter {
  id: string
  place: JupyterPlace
}

/** How one was found at a look: `sight` is null when it did not answer. */
export interface Report {
  id: string
  sight: Sight | null
  /** Sockets that clients have open, of kernels, terminals and whatever else. */
  sockets: number
  /** When a client asked for something last, or a socket was open; milliseconds since the epoch, 0: not since we began. */
  usedAt: number
}

interface Given {
  /** Folder for journals. */
  dir: string
  clock: Clock
  log: Logger
  running: () => Promise<RunningJupyter[]>
  /** Called after each look at one. */
  onLook?: (report: Report) => Promise<void>
}

/** What is known of one Jupyter. */
interface Home {
  relays: Map<string, KernelRelay>
  sockets: number
  requests: number
  usedAt: number
  /** Notebook files that a page has just loaded, and until when it may take over what runs in them. */
  held: Map<string, number>
}

const accept = new WebSocketServer({
  noServer: true,
  clientTracking: false,
  perMessageDeflate: false,
  maxPayload: limits.jupyterMessageBytes,
  skipUTF8Validation: true,
  handleProtocols: (offered) => (offered.has(v1Protocol) ? v1Protocol : false),
})

/**
 * Stands between pages and the kernels of all Jupyter servers, and looks at them from time to time: what kernels print
 * is kept for pages that are not there, and is written into the notebook while no page shows it.
 */
export class JupyterKeeper {
  readonly #given: Given
  readonly #homes = new Map<string, Home>()
  #places = new Map<string, JupyterPlace>()
  #cancel: () => void = () => {}
  #isClosed = false
  #looking: Promise<void> = Promise.resolve()

  constructor(given: Given) {
    this.#given = given
    mkdirSync(given.dir, { recursive: true, mode: 0o700 })
  }

  /** Connects to the kernels that it knew before the server was stopped, and begins to look. */
  start(): void {
    this.#looking = this.#lookAtAll()
  }

  /** Lets go of all kernels: their Jupyter keeps what they print until we are back. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#cancel()
    await this.#looking
    for (const { relays } of this.#homes.values()) {
      for (const relay of relays.values()) {
        relay.close()
        relay.runs.close()
      }
    }
  }

  /** To be called when a request or a socket of a client begins; what it returns, when that has ended. */
  observe(id: string, what: 'request' | 'socket', url: string): () => void {
    const home = this.#home(id)
    const { clock } = this.#given
    home.usedAt = clock.now()
    const count = what === 'socket' ? 'sockets' : 'requests'
    home[count] += 1
    const loads = /^\/api\/contents\/(.+\.ipynb)\?.*\bcontent=1\b/.exec(url)?.[1]
    if (loads !== undefined) home.held.set(decoded(loads), clock.steady() + limits.jupyterPageMs)
    return () => {
      home[count] -= 1
      home.usedAt = clock.now()
    }
  }

  /** Takes over the socket of a client, if it is one to a kernel. Resolves when it is closed; false: it is another. */
  async takeSocket(id: string, place: JupyterPlace, given: GivenSocket): Promise<boolean> {
    const [path = '', query = ''] = given.url.split('?', 2)
    const kernelId = /^\/api\/kernels\/([\w-]{1,64})\/channels$/.exec(path)?.[1]
    if (kernelId === undefined || this.#isClosed) return false
    this.#places.set(id, place)
    const relay = this.#relay(id, kernelId)
    try {
      await relay.connect()
    } catch (error) {
      // Whatever it is that Jupyter has to say, it says itself.
      if (relay.openPages === 0 && error instanceof UpstreamRefused && error.status === 404) this.#drop(id, relay)
      return false
    }
    const session = new URLSearchParams(query).get('session_id') ?? ''
    await new Promise<void>((resolve) => {
      given.socket.once('close', () => resolve())
      accept.handleUpgrade(given.request, given.socket, given.head, (socket) => {
        socket.on('error', () => socket.terminate())
        const name = session === '' || session.length > 200 ? `unnamed-${kernelId}-${Math.random()}` : session
        void relay.attach(socket, name, socket.protocol === v1Protocol ? 'v1' : 'default').then(resolve)
      })
    })
    return true
  }

  /** Writes all that no page shows into the files, before a Jupyter is stopped. What fails is tried no longer. */
  async flush(id: string): Promise<void> {
    const place = this.#places.get(id)
    const relays = [...(this.#homes.get(id)?.relays.values() ?? [])]
    if (!place) return
    const save = (relay: KernelRelay) => relay.alone(() => saveRuns(place, relay.runs, (run) => relay.isOpenFor(run)))
    const isLate = new Promise<void>((resolve) => this.#given.clock.after(limits.jupyterFlushMs, resolve))
    await Promise.race([isLate, Promise.allSettled(relays.map(save))])
  }

  /** The owner of a Jupyter is deleted, and what is kept for it. */
  async remove(id: string): Promise<void> {
    const home = this.#homes.get(id)
    this.#homes.delete(id)
    for (const relay of home?.relays.values() ?? []) {
      relay.close()
      relay.runs.close()
    }
    rmSync(join(this.#given.dir, id), { recursive: true, force: true })
  }

  #home(id: string): Home {
    const known = this.#homes.get(id)
    if (known) return known
    const home: Home = { relays: new Map(), sockets: 0, requests: 0, usedAt: 0, held: new Map() }
    this.#homes.set(id, home)
    return home
  }

  #relay(id: string, kernelId: string): KernelRelay {
    const { relays } = this.#home(id)
    const known = relays.get(kernelId)
    if (known) return known
    const { clock, dir, log } = this.#given
    mkdirSync(join(dir, id), { recursive: true, mode: 0o700 })
    const onProblem = (error: unknown) =>
      log.warn({ err: error, id, kernelId }, 'a message of a kernel was not understood')
    const upstream = new Upstream({ kernelId, clock, onProblem, place: async () => this.#places.get(id) ?? null })
    const runs = new KernelRuns(join(dir, id, `${kernelId}${suffix}`))
    const onLeft = () => void this.#save(id, relay)
    const onShown = (path: string) => void this.#home(id).held.delete(path)
    const relay = new KernelRelay({ kernelId, runs, upstream, clock, onLeft, onShown })
    relays.set(kernelId, relay)
    return relay
  }

  async #lookAtAll(): Promise<void> {
    try {
      const running = await this.#given.running()
      this.#places = new Map(running.map(({ id, place }) => [id, place]))
      await Promise.all(running.map((one) => this.#lookAt(one)))
    } catch (error) {
      this.#given.log.warn({ err: error }, 'could not look which notebooks run; trying again')
    }
    if (this.#isClosed) return
    this.#cancel = this.#given.clock.after(limits.jupyterLookMs, () => {
      this.#looking = this.#lookAtAll()
    })
  }

  async #lookAt({ id, place }: RunningJupyter): Promise<void> {
    const home = this.#home(id)
    for (const kernelId of journalsIn(join(this.#given.dir, id))) this.#relay(id, kernelId)
    const before = new Set(home.relays.values())
    const sight = await look(place).catch(() => null)
    if (this.#isClosed) return
    if (sight) this.#match(id, sight, before)
    await Promise.all([...home.relays.values()].map((relay) => this.#save(id, relay)))
    const usedAt = home.sockets > 0 ? this.#given.clock.now() : home.usedAt
    await this.#given
      .onLook?.({ id, sight, sockets: home.sockets, usedAt })
      .catch((error: unknown) => this.#given.log.warn({ err: error, id }, 'could not note whether a notebook is used'))
  }

  /**
   * Connects to kernels that live, and lets go of those that are gone. `before`: those known before Jupyter was asked; a
   * kernel that was started since is not in its answer, and not gone.
   */
  #match(id: string, { kernels, sessions }: Sight, before: ReadonlySet<KernelRelay>): void {
    const alive = new Set(kernels.map((kernel) => kernel.id))
    for (const relay of this.#home(id).relays.values()) {
      const path = sessions.find((session) => session.kernelId === relay.kernelId)?.path
      if (path !== undefined) relay.runs.movedTo(path)
      if (alive.has(relay.kernelId)) relay.connect().catch(() => {})
      else if (before.has(relay)) relay.end()
    }
    for (const relay of before) {
      if (!alive.has(relay.kernelId) && relay.openPages === 0)
        void this.#save(id, relay).then(() => this.#drop(id, relay))
    }
  }

  #drop(id: string, relay: KernelRelay): void {
    const { relays } = this.#home(id)
    if (relays.get(relay.kernelId) !== relay) return
    relays.delete(relay.kernelId)
    relay.close()
    relay.runs.remove()
  }

  /** Writes outputs into the file, one write at a time for each kernel, unless a page is just loading that file. */
  async #save(id: string, relay: KernelRelay): Promise<void> {
    const place = this.#places.get(id)
    const { held } = this.#home(id)
    const { clock, log } = this.#given
    for (const [path, until] of held) if (until < clock.steady()) held.delete(path)
    if (!place || this.#isClosed || (relay.runs.path !== null && held.has(relay.runs.path))) return
    try {
      await relay.alone(() => saveRuns(place, relay.runs, (run) => relay.isShown(run)))
    } catch (error) {
      log.debug({ err: error, id }, 'outputs could not be written into a notebook; trying again')
    }
  }
}

const suffix = '.jsonl'

function journalsIn(folder: string): string[] {
  try {
    return readdirSync(folder).flatMap((name) => (name.endsWith(suffix) ? [name.slice(0, -suffix.length)] : []))
  } catch {
    return []
  }
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}
