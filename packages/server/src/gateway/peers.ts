import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { AppError } from '../lib/app-error.ts'
import type { Clock } from '../lib/clock.ts'
import { limits } from '../lib/limits.ts'
import { lives, type ProcessMark } from '../lib/process-mark.ts'
import type { FindKey } from './admit.ts'
import type { Route } from './route.ts'
import { type Counted, fromGateway, type FromGateway, placesIn, readMessages, type Report } from './wire.ts'
import { routesText, sendMessage } from './wire.ts'

/** A gateway that is a process of its own, as long as that process is there. */
interface Member {
  id: string
  mark: ProcessMark
  /** Null: it is there, but has not found the server again yet. */
  socket: Socket | null
  report: Report
}

const nothingKnown: Report = { applied: -1, outstanding: {}, queued: {}, counted: [] }

export interface PeersOptions {
  /** The data folder. */
  data: string
  clock: Clock
  log: Pick<Logger, 'warn'>
  findKey: FindKey
}

/**
 * The server's side of gateways that are processes of their own: hands each the routes, and knows what goes on at all of
 * them. Whoever was there before the server was started counts as well, so that no instance is stopped that such a
 * gateway still sends requests to.
 */
export class Peers {
  readonly #options: PeersOptions
  readonly #places: ReturnType<typeof placesIn>
  readonly #members = new Map<string, Member>()
  readonly #server: Server
  /** Targets that are in no route any more: since which version, and whether it was told that nobody uses them. */
  readonly #retired = new Map<string, { since: number; told: boolean }>()
  #targets = new Set<string>()
  #text = ''
  #version = 0
  #cancel = () => {}
  onIdle: (targetId: string) => void = () => {}
  onWait: (routeId: string) => void = () => {}
  onCounted: (counted: Counted) => void = () => {}

  constructor(options: PeersOptions) {
    this.#options = options
    this.#places = placesIn(options.data)
    for (const name of readdirSync(this.#places.members)) this.#meet(name)
    this.#server = createServer((socket) => this.#welcome(socket))
    this.#server.on('error', (error) => options.log.warn({ err: error }, 'gateways of their own cannot be reached'))
    rmSync(this.#places.socket, { force: true })
    // Nobody else may look into its folder.
    this.#server.listen(this.#places.socket)
    this.#arm()
  }

  /** From now on these routes are served and no others, as soon as each gateway has heard of it. */
  replace(routes: readonly Route[]): void {
    const text = routesText(routes)
    if (text === this.#text) return
    this.#text = text
    this.#version += 1
    const targets = new Set(routes.flatMap((route) => route.targets.map(({ id }) => id)))
    for (const id of this.#targets) if (!targets.has(id)) this.#retired.set(id, { since: this.#version, told: false })
    for (const id of targets) this.#retired.delete(id)
    this.#targets = targets
    for (const id of this.#retired.keys()) if (this.#retired.size > limits.gatewayKeys) this.#retired.delete(id)
    this.#keep()
    for (const { socket } of this.#members.values()) if (socket) this.#tell(socket)
  }

  outstanding(targetId: string): number {
    return this.#sum(({ outstanding }) => outstanding[targetId] ?? 0)
  }

  queued(routeId: string): number {
    return this.#sum(({ queued }) => queued[routeId] ?? 0)
  }

  /** Whether no gateway sends a target anything any more: each has said so since it was taken out of the routes. */
  isIdle(targetId: string): boolean {
    const since = this.#retired.get(targetId)?.since ?? this.#version
    for (const { report } of this.#members.values()) {
      if (report.applied < since || (report.outstanding[targetId] ?? 0) > 0) return false
    }
    return true
  }

  /** The gateways go on with what they know. */
  close(): Promise<void> {
    this.#cancel()
    for (const { socket } of this.#members.values()) socket?.destroy()
    return new Promise((resolve) => this.#server.close(() => resolve()))
  }

  #sum(of: (report: Report) => number): number {
    let sum = 0
    for (const { report } of this.#members.values()) sum += of(report)
    return sum
  }

  /** For gateways that start while there is no server. */
  #keep(): void {
    const draft = `${this.#places.routes}.draft`
    try {
      writeFileSync(draft, this.#message(), { mode: 0o600 })
      renameSync(draft, this.#places.routes)
    } catch (error) {
      this.#options.log.warn({ err: error }, 'the routes could not be kept for gateways of their own')
    }
  }

  #message = (): string => `{"version":${this.#version},"routes":${this.#text === '' ? '[]' : this.#text}}`

  #tell(socket: Socket): void {
    // Before the first look at the rows nothing is known: what a gateway knows is better.
    if (this.#version > 0 && socket.writable) socket.write(`{"routes":${this.#message()}}\n`)
  }

  /** Takes up a gateway that has written down that it is there. */
  #meet(id: string): Member | undefined {
    const known = this.#members.get(id)
    if (known) return known
    try {
      const mark = JSON.parse(readFileSync(join(this.#places.members, id), 'utf8')) as ProcessMark
      const member: Member = { id, mark, socket: null, report: nothingKnown }
      if (lives(mark)) this.#members.set(id, member)
      else this.#forget(id)
      return this.#members.get(id)
    } catch {
      return undefined
    }
  }

  #forget(id: string): void {
    this.#members.delete(id)
    rmSync(join(this.#places.members, id), { force: true })
  }

  #welcome(socket: Socket): void {
    let member: Member | undefined
    socket.on('error', () => socket.destroy())
    readMessages(socket, fromGateway, (message) => {
      if ('hello' in message) {
        member = this.#meet(message.hello)
        if (!member) {
          socket.destroy()
          return
        }
        member.socket?.destroy()
        member.socket = socket
        this.#tell(socket)
      } else if (member?.socket === socket) this.#heed(member, socket, message)
      else socket.destroy()
    })
    socket.once('close', () => {
      if (member?.socket !== socket) return
      member.socket = null
      member.report = { ...member.report, applied: -1, counted: [] }
      this.#look()
    })
  }

  #heed(member: Member, socket: Socket, message: FromGateway): void {
    if ('wait' in message) this.onWait(message.wait)
    else if ('question' in message) void this.#answer(socket, message)
    else if ('report' in message) {
      const { report } = message
      member.report = report
      for (const one of report.counted) this.onCounted(one)
      // What waits there may have begun to wait while there was no server.
      for (const routeId of Object.keys(report.queued)) this.onWait(routeId)
      this.#settle()
    }
  }

  async #answer(
    socket: Socket,
    { question, secret, address }: { question: number; secret: string; address: string },
  ): Promise<void> {
    try {
      const { teamId, userName } = await this.#options.findKey(secret, address)
      sendMessage(socket, { question, sender: { teamId, userName } })
    } catch (error) {
      // Anything else is told by silence: the gateway goes on with what it knows of the key.
      if (!(error instanceof AppError)) this.#options.log.warn({ err: error }, 'a key could not be looked up')
      else sendMessage(socket, { question, refused: { code: error.code, params: error.params } })
    }
  }

  /** Tells of targets that nobody uses any more. */
  #settle(): void {
    for (const [id, one] of this.#retired) {
      if (one.told || !this.isIdle(id)) continue
      one.told = true
      this.onIdle(id)
    }
  }

  #arm(): void {
    this.#cancel = this.#options.clock.after(limits.gatewayLookMs, () => {
      this.#arm()
      this.#look()
    })
  }

  /** Those whose processes are gone have nothing under way. */
  #look(): void {
    for (const { id, mark, socket } of this.#members.values()) if (socket === null && !lives(mark)) this.#forget(id)
    this.#settle()
  }
}
