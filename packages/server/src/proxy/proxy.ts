import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Deps } from '../deps.ts'
import { AppError } from '../lib/app-error.ts'
import { limits } from '../lib/limits.ts'
import { type Admitted, admit, type Holders, passCookie } from './admit.ts'
import { exchange } from './exchange.ts'
import { requestHeaders } from './headers.ts'
import { refuseSocket, sendProblem, wantsPage } from './problem.ts'
import type { FindServed, Served } from './served.ts'
import { tunnel } from './tunnel.ts'
import { Upstreams } from './upstream.ts'

/** Where a label is reached, and by what. */
export interface Place {
  label: string
  secure: boolean
  /** It was reached by `/programs/LABEL/` of the console's own origin: browsers get nothing there. */
  forPrograms?: boolean
}

/** What tasks serve, each on an origin of its own. */
export interface Proxy {
  handle(place: Place, request: IncomingMessage, response: ServerResponse): void
  upgrade(place: Place, request: IncomingMessage, socket: Duplex, head: Buffer): void
  close(): void
}

type ProxyDeps = Pick<Deps, 'engines' | 'clock' | 'log' | 'door'>

/** Path that is ours at every label: a sign-in with a ticket. */
export const enterPath = '/.nabla/enter'

/** Path of the console's own origin below which programs, and nothing else, find each label. */
export const programPath = '/programs'

/**
 * Takes `/programs/LABEL` off the address of a request, if it begins so: the way for programs that cannot look up names
 * below `localhost`, or have no name for the label at all.
 */
export function takeProgramPlace(request: IncomingMessage): Place | undefined {
  const [whole = '', label = '', rest = ''] =
    /^\/programs\/([a-z0-9-]{1,63})(\/.*|\?.*|)$/s.exec(request.url ?? '') ?? []
  if (whole === '') return undefined
  // Clients put a slash between address and path, whether there is one already or not.
  request.url = `/${rest.replace(/^\/+/, '')}`
  return { label, secure: false, forPrograms: true }
}

/**
 * Lets requests in (`admit.ts`), finds the task (`upstream.ts`), and joins the two: requests by `exchange.ts`, sockets
 * by `tunnel.ts`. It knows nothing of what is served but what `find` says.
 */
export function createProxy(deps: ProxyDeps, { find, holders }: { find: FindServed; holders: Holders }): Proxy {
  return new RunningProxy(deps, find, holders)
}

interface Entered extends Admitted {
  served: Served
}

class RunningProxy implements Proxy {
  readonly #deps: ProxyDeps
  readonly #find: FindServed
  readonly #holders: Holders
  readonly #upstreams: Upstreams
  readonly #closed = new AbortController()
  /** Sockets that are open, by label. */
  readonly #sockets = new Map<string, number>()

  constructor(deps: ProxyDeps, find: FindServed, holders: Holders) {
    this.#deps = deps
    this.#find = find
    this.#holders = holders
    this.#upstreams = new Upstreams(deps, find)
  }

  handle(place: Place, request: IncomingMessage, response: ServerResponse): void {
    const gone = new AbortController()
    response.once('close', () => gone.abort())
    const signal = AbortSignal.any([gone.signal, this.#closed.signal])
    this.#serve(place, request, response, signal).catch((error: unknown) => {
      sendProblem(request, response, this.#known(error, place))
    })
  }

  upgrade(place: Place, request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy())
    const gone = new AbortController()
    socket.once('close', () => gone.abort())
    const signal = AbortSignal.any([gone.signal, this.#closed.signal])
    this.#join(place, { request, socket, head }, signal).catch((error: unknown) => {
      if (socket.writable) refuseSocket(socket, this.#known(error, place))
      else socket.destroy()
    })
  }

  close(): void {
    this.#closed.abort()
    this.#upstreams.close()
  }

  async #serve(place: Place, request: IncomingMessage, response: ServerResponse, signal: AbortSignal): Promise<void> {
    // Nothing may move for longer here than on a connection of the API: a model computes before it answers.
    request.socket.setTimeout(limits.proxyIdleMs)
    if (place.forPrograms !== true && request.url?.startsWith(`${enterPath}?`)) {
      this.#enter(place, request, response)
      return
    }
    const entered = await this.#admit(place, request, false)
    if (place.forPrograms !== true && entered.tokenInAddress !== undefined && wantsPage(request)) {
      const pass = this.#deps.door.passFor(entered.tokenInAddress, place.label)
      redirect(response, entered.url, setPass(place, pass))
      return
    }
    const headers = this.#headers(place, request, entered)
    const forPrograms = place.forPrograms === true
    const { passOn } = entered.served
    if (passOn) {
      if (forPrograms) throw new AppError('not_served')
      await passOn.request({ request, response, url: entered.url, headers })
      return
    }
    const ended = entered.served.observe?.('request', entered.url)
    try {
      await this.#upstreams.reach(place.label, entered.served, signal, (upstream) =>
        exchange({ request, response }, upstream, { url: entered.url, headers, signal, forPrograms }, this.#upstreams),
      )
    } finally {
      ended?.()
    }
  }

  async #join(
    place: Place,
    client: { request: IncomingMessage; socket: Duplex; head: Buffer },
    signal: AbortSignal,
  ): Promise<void> {
    const entered = await this.#admit(place, client.request, true)
    const release = this.#takeSocketPlace(place.label, entered.served.name)
    const ended = entered.served.observe?.('socket', entered.url)
    const stopChecking = this.#checkOn(entered, place, client.socket)
    const headers = this.#headers(place, client.request, entered)
    try {
      const { passOn } = entered.served
      if (passOn) {
        await passOn.socket({ ...client, url: entered.url, headers })
        return
      }
      await this.#upstreams.reach(place.label, entered.served, signal, async (upstream) => {
        const { takeSocket } = upstream.served
        const { url } = entered
        const isTaken = await takeSocket?.({ ...client, url, headers, address: upstream.address })
        if (!isTaken) await tunnel(client, upstream, { url, headers, signal })
      })
    } finally {
      release()
      stopChecking()
      ended?.()
    }
  }

  async #admit(place: Place, request: IncomingMessage, isSocket: boolean): Promise<Entered> {
    if (this.#closed.signal.aborted) throw new AppError('busy', { detail: 'it is being stopped' })
    const { label, secure, forPrograms = false } = place
    const served = await this.#find(label)
    const admitted = await admit(
      { request, label, served, secure, isSocket, forPrograms },
      this.#deps.door,
      this.#holders,
    )
    if (!served) throw new AppError('not_served')
    return { ...admitted, served }
  }

  /** A browser that brings a ticket gets a cookie for it, and goes on to the page. */
  #enter(place: Place, request: IncomingMessage, response: ServerResponse): void {
    const ticket = new URLSearchParams(request.url?.slice(enterPath.length + 1)).get('ticket') ?? ''
    const taken = this.#deps.door.redeem(ticket, place.label)
    if (!taken) throw new AppError('not_signed_in_here')
    redirect(response, taken.path, setPass(place, taken.pass))
  }

  #headers({ secure }: Place, request: IncomingMessage, { user, dropAuthorization, served }: Entered) {
    return requestHeaders(request, { user, dropAuthorization, secure, extra: served.headers ?? {} })
  }

  /** A socket may be open for days: who was let in is asked for again from time to time. */
  #checkOn(entered: Entered, { label }: Place, socket: Duplex): () => void {
    const { clock, log } = this.#deps
    let cancel = () => {}
    const arm = () => {
      cancel = clock.after(limits.proxyCheckMs, () => {
        entered.stillMay().then(
          () => !socket.destroyed && arm(),
          (error: unknown) => {
            if (!(error instanceof AppError)) log.warn({ err: error, label }, 'a socket could not be checked')
            socket.destroy()
          },
        )
      })
    }
    arm()
    return () => cancel()
  }

  #takeSocketPlace(label: string, name: string): () => void {
    const open = this.#sockets.get(label) ?? 0
    if (open >= limits.proxySockets) throw new AppError('busy', { detail: `${name} has ${open} sockets open` })
    this.#sockets.set(label, open + 1)
    return () => {
      const left = (this.#sockets.get(label) ?? 1) - 1
      if (left > 0) this.#sockets.set(label, left)
      else this.#sockets.delete(label)
    }
  }

  #known(error: unknown, { label }: Place): AppError {
    if (error instanceof AppError) return error
    if (error instanceof Error && 'code' in error) return new AppError('serving_failed', { name: label })
    this.#deps.log.error({ err: error, label }, 'a request to what a task serves failed by a bug')
    return new AppError('internal', { requestId: label })
  }
}

function redirect(response: ServerResponse, path: string, cookie: string): void {
  response.writeHead(303, {
    location: path,
    'set-cookie': cookie,
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
    'content-length': 0,
  })
  response.end()
}

/** Lax: links from the console and from elsewhere lead to a page that is signed in; see `admit.ts` for the rest. */
function setPass({ label, secure }: Place, pass: string): string {
  const attributes = `Path=/; HttpOnly; SameSite=Lax; Max-Age=${limits.sessionMs / 1000}`
  return `${passCookie(label, secure)}=${pass}; ${attributes}${secure ? '; Secure' : ''}`
}
