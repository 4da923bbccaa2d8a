import type { WebSocket } from 'ws'
import type { Clock } from '../lib/clock.ts'
import { limits } from '../lib/limits.ts'
import { isOlder, type Run } from './runs.ts'
import type { KernelRuns } from './kernel-runs.ts'
import { Page } from './page.ts'
import { busyMessage, replayOf } from './replay.ts'
import type { Upstream } from './upstream.ts'
import {
  bytesOf,
  contentPart,
  type Header,
  headerOf,
  headerPart,
  metadataPart,
  parentPart,
  partOf,
  readMessage,
  type WireFormat,
  type WireMessage,
} from './wire.ts'

/** What a page of ours sends to take over what runs in its notebook; kernels never see it. See `page/extension.js`. */
export const attachType = 'nabla_attach'

interface Given {
  kernelId: string
  runs: KernelRuns
  upstream: Upstream
  clock: Clock
  /** A page that shows runs has gone. */
  onLeft: () => void
  /** A page has taken over what runs in the file that it loaded. */
  onShown: (path: string) => void
}

/**
 * One kernel: the only connection to it, the pages that talk to it through that, and what it has printed for pages that
 * are not there. Pages are told apart by the session id in their address; it stays the same as long as a page is open.
 */
export class KernelRelay {
  readonly kernelId: string
  readonly runs: KernelRuns
  readonly #given: Given
  readonly #pages = new Map<string, Page>()
  /** Which page sent a request, by the id of its message. */
  readonly #senders = new Map<string, string>()
  /** The kernel asks a page for input, by the id of the request: sent again to a page that comes back. */
  readonly #questions = new Map<string, WireMessage>()
  readonly #since: number
  #kernelSession = ''
  #work: Promise<unknown> = Promise.resolve()

  constructor(given: Given) {
    this.#given = given
    this.kernelId = given.kernelId
    this.runs = given.runs
    this.#since = given.clock.steady()
    given.upstream.onMessage = (message) => this.#fromKernel(message)
  }

  /** Pages that are connected now. */
  get openPages(): number {
    return [...this.#pages.values()].filter((page) => page.isOpen).length
  }

  /** Whether a page shows a run, or may be back in a moment and go on to do so: then saving is for the page to do. */
  isShown(run: Run): boolean {
    const page = this.#pages.get(run.owner)
    if (page) return page.isOpen || page.mayReturn
    // The server was started anew while a page was open: it needs a moment to notice.
    return this.#given.clock.steady() - this.#since < limits.jupyterReturnMs
  }

  /** Whether the page that shows a run is connected. */
  isOpenFor(run: Run): boolean {
    return this.#pages.get(run.owner)?.isOpen === true
  }

  /** Does one thing after the other. */
  alone<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#work.then(work)
    this.#work = done.catch(() => {})
    return done
  }

  /** Resolves once the kernel is connected; rejects with UpstreamRefused if Jupyter does not have it. */
  connect(): Promise<void> {
    return this.#given.upstream.connect()
  }

  /** Gives a page its connection, and sends what it has missed. Resolves when it is closed. */
  async attach(socket: WebSocket, session: string, format: WireFormat): Promise<void> {
    const { clock, upstream } = this.#given
    const known = this.#pages.get(session)
    // A page that comes back to a kernel that does nothing may have restarted it, and Jupyter looks for the kernel's
    // sockets anew only when a connection is opened: https://github.com/jupyterlab/jupyterlab/pull/8013
    if (known && ![...this.runs.all].some((run) => !run.ended)) upstream.renew()
    const page = known ?? new Page(session, clock, upstream)
    this.#pages.set(session, page)
    page.open(socket, format)
    const closed = new Promise<number>((resolve) => socket.once('close', resolve))
    socket.on('message', (data, isBinary) => this.#fromPage(page, bytesOf(data), isBinary, format))
    for (const run of this.runs.all) if (run.owner === session) this.#replay(run, page)
    // A page would not know that the kernel is busy until that says something.
    const active = this.runs.all.find((run) => !run.ended)
    if (active) page.send(busyMessage(active, this.#kernelSession))
    const code = await closed
    if (page.leave(socket, code)) this.#given.onLeft()
    this.#forgetPages()
  }

  close(): void {
    this.#given.upstream.close()
    for (const page of this.#pages.values()) page.cut()
  }

  /** The kernel is gone: nothing more will come, and pages shall see it for themselves. */
  end(): void {
    this.runs.endAll()
    this.close()
  }

  #fromPage(page: Page, data: Buffer, isBinary: boolean, format: WireFormat): void {
    const message = readOr(data, isBinary, format)
    const header = message && headerOf(message, headerPart)
    if (!message || !header) {
      page.cut()
      return
    }
    if (header.msg_type === attachType) {
      this.#adopt(page, message)
      return
    }
    if (header.msg_id !== '') this.#remember(header.msg_id, page.session)
    if (header.msg_type === 'execute_request') this.#noteRequest(page, message)
    if (header.msg_type === 'input_reply') this.#questions.delete(headerOf(message, parentPart).msg_id)
    this.#given.upstream.send(message)
  }

  #noteRequest(page: Page, message: WireMessage): void {
    const content = partOf(message, contentPart)
    if (content['silent'] === true) return
    const header = partOf(message, headerPart)
    const { cellId } = partOf(message, metadataPart)
    this.runs.add({
      is: 'run',
      id: String(header['msg_id']),
      header,
      cellId: typeof cellId === 'string' && cellId !== '' ? cellId : null,
      code: typeof content['code'] === 'string' ? content['code'] : '',
      owner: page.session,
    })
  }

  /** A page shows the notebook: it gets what pages that are gone would have got, and what it loaded has not. */
  #adopt(page: Page, message: WireMessage): void {
    const { loaded, path } = partOf(message, contentPart)
    if (typeof path === 'string' && path !== '') {
      this.runs.movedTo(path)
      this.#given.onShown(path)
    }
    for (const run of this.runs.all) {
      if (run.cellId === null || run.owner === page.session || this.isOpenFor(run)) continue
      if (run.ended && typeof loaded === 'string' && isOlder(run, loaded)) continue
      this.runs.add({ is: 'owner', of: run.id, owner: page.session })
      this.#replay(run, page)
    }
  }

  #replay(run: Run, page: Page): void {
    for (const message of replayOf(run, this.#kernelSession)) page.send(marked(message, run))
    const question = this.#questions.get(run.id)
    if (question) page.send(marked(question, run))
  }

  #fromKernel(message: WireMessage): void {
    const header = headerOf(message, headerPart)
    if (this.runs.isKnown(header.msg_id)) return
    const parent = headerOf(message, parentPart)
    if (header.session !== '') this.#kernelSession = header.session
    if (message.channel === 'iopub') this.#publish(message, header, parent)
    else this.#answer(message, header, parent)
  }

  #publish(message: WireMessage, header: Header, parent: Header): void {
    const { msg_type: type } = header
    this.runs.take(parent.msg_id, header, () => partOf(message, contentPart))
    if (type === 'status' && !this.runs.get(parent.msg_id)) this.#seeRestart(message)
    const run = this.runs.get(parent.msg_id)
    if (run?.ended) this.#questions.delete(run.id)
    for (const page of this.#pages.values()) {
      const isOwn = run?.owner === page.session
      if (page.isOpen) page.send(isOwn ? marked(message, run) : message)
      else if (!run && missable.has(type)) page.miss(message)
      else if (run && !outputTypes.has(type)) page.miss(message)
    }
  }

  /** A kernel that begins again has forgotten what it was asked to do. */
  #seeRestart(message: WireMessage): void {
    const { execution_state: state } = partOf(message, contentPart)
    if (state === 'starting' || state === 'restarting' || state === 'dead') this.runs.endAll()
    if (state === 'restarting') this.#given.upstream.renew()
  }

  #answer(message: WireMessage, header: Header, parent: Header): void {
    const run = this.runs.get(parent.msg_id)
    if (run && header.msg_type === 'execute_reply') {
      const [head, metadata, content] = [headerPart, metadataPart, contentPart].map((part) => partOf(message, part))
      this.runs.add({ is: 'reply', of: run.id, header: head ?? {}, metadata: metadata ?? {}, content: content ?? {} })
    }
    if (header.msg_type === 'input_request') this.#questions.set(parent.msg_id, message)
    const session = run?.owner ?? this.#senders.get(parent.msg_id) ?? parent.session
    const page = this.#pages.get(session)
    if (page?.isOpen) page.send(run ? marked(message, run) : message)
    else if (!run) page?.miss(message)
  }

  #remember(id: string, session: string): void {
    this.#senders.set(id, session)
    if (this.#senders.size <= limits.jupyterKnownMessages) return
    const [oldest = ''] = this.#senders.keys()
    this.#senders.delete(oldest)
  }

  /** Pages that have been away for long are closed; of those that may come back only so many are waited for. */
  #forgetPages(): void {
    const away = [...this.#pages.values()].filter((page) => !page.isOpen)
    const surplus = away.length - limits.jupyterMissedPages
    for (const [i, page] of away.entries()) if (i < surplus || page.isLost) this.#pages.delete(page.session)
  }
}

/** Types of messages about no run that a page must not miss: what widgets are told. */
const missable = new Set(['comm_open', 'comm_msg', 'comm_close'])

/** What a replay of a run brings anyway. */
const outputTypes = new Set([
  'stream',
  'display_data',
  'update_display_data',
  'execute_result',
  'error',
  'clear_output',
  'execute_input',
  'status',
])

/** A message for a page that took a run over: it says which cell it is about, since the page never asked for it. */
function marked(message: WireMessage, run: Run): WireMessage {
  if (run.cellId === null || run.owner === run.header['session']) return message
  const metadata = { ...partOf(message, metadataPart), nabla_cell: run.cellId }
  const parts = [...message.parts]
  parts[metadataPart] = Buffer.from(JSON.stringify(metadata))
  return { channel: message.channel, parts }
}

function readOr(data: Buffer, isBinary: boolean, format: WireFormat): WireMessage | undefined {
  try {
    return readMessage(data, isBinary, format)
  } catch {
    return undefined
  }
}
