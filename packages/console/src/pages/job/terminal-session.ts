import { addressOf } from '@nabla/api/client'
import { type ExecEvent, execEvent, type ExecRequest } from '@nabla/api/exec'
import { jobReachRoutes } from '@nabla/api/job-reach'

export type TerminalState =
  | { is: 'connecting' | 'running' | 'lost' }
  | { is: 'ended'; code: number }
  | { is: 'failed'; message: string; hint: string }

interface Given {
  job: string
  size: () => { columns: number; rows: number }
  onOutput: (bytes: Uint8Array) => void
  onState: (state: TerminalState) => void
}

/** A shell of the job: the better one if there are two. */
const shell = ['/bin/sh', '-c', 'if command -v bash >/dev/null; then exec bash; else exec sh; fi']
/** Closed by us, to come back. */
const comeBack = 4000
const normalClosure = 1000
const mostPauseMs = 10_000

/**
 * A shell in a job and the WebSocket to it. A connection that is lost is made again, and a page that is loaded again
 * finds its shell by what this tab of the browser keeps.
 */
export function openTerminalSession({ job, size, onOutput, onState }: Given) {
  const key = `nabla:terminal:${job}`
  let socket: WebSocket | undefined
  let session = sessionStorage.getItem(key)
  let received = 0
  let tries = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  let closed = false

  const say = (request: ExecRequest) => {
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(request))
  }
  const forget = () => {
    sessionStorage.removeItem(key)
    ;[session, received] = [null, 0]
  }
  const hear = (event: ExecEvent) => {
    if (event.type === 'started' || event.type === 'attached') {
      tries = 0
      session = event.session
      if (event.type === 'attached') received = event.from
      sessionStorage.setItem(key, event.session)
      onState({ is: 'running' })
      say({ type: 'resize', ...size() })
    } else if (event.type === 'exited') {
      forget()
      onState({ is: 'ended', code: event.code })
    } else if (event.error.code === 'exec_ended') {
      forget()
      connect()
    } else {
      forget()
      onState({ is: 'failed', message: event.error.message, hint: event.error.hint })
    }
  }
  function connect(): void {
    onState({ is: tries === 0 ? 'connecting' : 'lost' })
    const made = connectTo(job)
    socket = made
    made.addEventListener('open', () => {
      if (session === null) say({ type: 'start', argv: shell, tty: true, env: {}, ...size() })
      else say({ type: 'attach', session, received })
    })
    made.addEventListener('message', ({ data }: MessageEvent<string | ArrayBuffer>) => {
      if (typeof data === 'string') hear(execEvent.parse(JSON.parse(data)))
      else {
        received += data.byteLength
        onOutput(new Uint8Array(data, 1))
      }
    })
    made.addEventListener('close', ({ code }) => {
      if (closed || made !== socket || code === normalClosure) return
      tries += 1
      onState({ is: 'lost' })
      timer = setTimeout(connect, Math.min(mostPauseMs, 250 * 2 ** tries))
    })
  }

  connect()
  return {
    send: (text: string) => socket?.readyState === WebSocket.OPEN && socket.send(new TextEncoder().encode(text)),
    resize: () => say({ type: 'resize', ...size() }),
    end: () => say({ type: 'end' }),
    again: connect,
    /** Lets go of it; the shell is kept for some minutes. */
    close() {
      closed = true
      clearTimeout(timer)
      socket?.close(comeBack)
    },
  }
}

function connectTo(job: string): WebSocket {
  const address = addressOf(location.origin, jobReachRoutes.exec, { job })
  address.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:'
  const socket = new WebSocket(address)
  socket.binaryType = 'arraybuffer'
  return socket
}
