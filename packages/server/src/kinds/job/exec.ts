import { type ExecRequest, execRequest, type ExecStart } from '@nabla/api/exec'
import { connect } from 'node:net'
import { createWebSocketStream, type RawData, type WebSocket } from 'ws'
import type { Deps } from '../../deps.ts'
import { ExecError } from '../../engines/engine.ts'
import { change } from '../../events/change.ts'
import { recordEvents } from '../../events/record.ts'
import type { ExecSession } from '../../exec/session.ts'
import { AppError } from '../../lib/app-error.ts'
import { limits } from '../../lib/limits.ts'
import type { Caller, Handlers } from '../kind.ts'
import { holdersOf, runningTask } from '../served.ts'
import { portOf } from './ports.ts'
import { findJob, type JobWithNames } from './view.ts'

/** What reaches into a running job: programs beside its command, and connections to its ports. */
export const jobExecHandlers: Pick<Handlers<'job'>, 'exec' | 'forwardPort'> = {
  async exec({ caller, params }, deps) {
    const job = await findJob(deps, caller, params.job)
    const task = await taskOf(deps, job)
    return { open: (socket) => new ExecConnection({ deps, caller, job, task, socket }).run() }
  },

  async forwardPort({ caller, params }, deps) {
    const job = await findJob(deps, caller, params.job)
    const port = portOf(job, params.port)
    const task = await taskOf(deps, job)
    const address = await deps.engines.get(task.engine)?.address(task.id, port)
    if (!address) throw new AppError('not_listening', { name: `Job ${job.name}`, port })
    return {
      open(socket) {
        const near = createWebSocketStream(socket)
        const far = connect({ host: address.host, port: address.port, noDelay: true })
        near.pipe(far).pipe(near)
        near.on('error', () => far.destroy())
        near.on('close', () => far.destroy())
        far.on('error', () => socket.close(brokenOff))
      },
    }
  },
}

/** Of WebSockets: the far end is not there. */
const brokenOff = 1014
/** Something came that is not understood. */
const badMessage = 1007

async function taskOf(deps: Deps, job: JobWithNames) {
  const task = await runningTask(deps, job.id)
  if (task) return task
  throw new AppError('not_serving', { name: `Job ${job.name}`, reason: `it is ${job.state}` })
}

interface Given {
  deps: Deps
  caller: Caller
  job: JobWithNames
  task: { id: string; engine: string }
  socket: WebSocket
}

/** One WebSocket of `job.exec`, from its first message on. */
class ExecConnection {
  readonly #given: Given
  #session: ExecSession | null = null
  #cancel: () => void = () => {}

  constructor(given: Given) {
    this.#given = given
  }

  run(): void {
    const { socket, deps } = this.#given
    const waiting: [RawData, boolean][] = []
    let busy = false
    const take = async (data: RawData, isBinary: boolean) => {
      if (this.#session) this.#pass(this.#session, data, isBinary)
      else if (busy) waiting.push([data, isBinary])
      else {
        busy = true
        await this.#begin(data, isBinary)
        for (const [later, binary] of waiting.splice(0)) if (this.#session) this.#pass(this.#session, later, binary)
      }
    }
    socket.on('message', (data, isBinary) => {
      take(data, isBinary).catch((error: unknown) => this.#fail(error))
    })
    this.#cancel = deps.clock.after(limits.execStartMs, () => this.#session ?? socket.close(badMessage))
    socket.once('close', () => this.#cancel())
  }

  async #begin(data: RawData, isBinary: boolean): Promise<void> {
    const { deps, caller, task, socket } = this.#given
    const request = isBinary ? undefined : parse(data)
    if (request?.type === 'attach') {
      this.#session = deps.execs.find(request.session, task.id, caller.userId)
      this.#session.attach(socket, request.received)
    } else if (request?.type === 'start') {
      const session = await this.#start(request)
      this.#session = session
      session.attach(socket, null)
    } else socket.close(badMessage)
    this.#cancel()
    if (this.#session) this.#checkOn(this.#session)
  }

  async #start(request: ExecStart): Promise<ExecSession> {
    const { deps, caller, job, task } = this.#given
    const { argv, tty, columns, rows, env, workingDir, user } = request
    const program = async () => {
      const engine = deps.engines.get(task.engine)
      if (!engine) throw new ExecError('its engine is not on')
      return engine.exec(task.id, {
        argv,
        env,
        ...(tty && { terminal: { columns, rows } }),
        ...(workingDir !== undefined && { workingDir }),
        ...(user !== undefined && { user }),
      })
    }
    const session = await deps.execs.begin(task.id, caller.userId, program).catch((error: unknown) => {
      if (!(error instanceof ExecError)) throw error
      throw new AppError('exec_failed', { name: `job ${job.name}`, reason: error.message })
    })
    await this.#record('job.exec_started', { session: session.id, argv, tty })
    const tell = (code: number) => this.#record('job.exec_ended', { session: session.id, argv, exitCode: code })
    session.ended
      .then(tell)
      .catch((error: unknown) => deps.log.warn({ err: error }, 'the end of a program is not noted'))
    return session
  }

  async #record(type: string, data: { session: string; argv: string[] } & Record<string, unknown>): Promise<void> {
    const { deps, caller, job } = this.#given
    const command = data.argv.join(' ').slice(0, commandCharacters)
    const { teamId, projectId, id: subject, name } = job
    const { argv: _, ...rest } = data
    await change(deps, (trx) =>
      recordEvents(trx, deps.clock.now(), [
        { teamId, projectId, subject, actor: caller.userName, type, data: { name, command, ...rest } },
      ]),
    )
  }

  #pass(session: ExecSession, data: RawData, isBinary: boolean): void {
    if (isBinary) {
      session.feed(data as Buffer)
      return
    }
    const request = parse(data)
    if (!request || request.type === 'start' || request.type === 'attach') this.#given.socket.close(badMessage)
    else session.obey(request)
  }

  /** Whoever is no longer let in loses the connection, and with it the program. */
  #checkOn(session: ExecSession): void {
    const { deps, caller, socket } = this.#given
    const look = async () => {
      const by = caller.sessionId === null ? 'key' : 'session'
      await holdersOf(deps).byId(by, caller.sessionId ?? caller.keyId ?? '')
    }
    this.#cancel = deps.clock.after(limits.proxyCheckMs, () => {
      if (socket.readyState !== socket.OPEN) return
      look().then(
        () => this.#checkOn(session),
        (error: unknown) => {
          session.kill()
          this.#fail(error)
        },
      )
    })
  }

  #fail(error: unknown): void {
    const { deps, socket } = this.#given
    const known = error instanceof AppError ? error : new AppError('internal', { requestId: 'of this session' })
    if (known !== error) deps.log.error({ err: error }, 'a session in a task failed by a bug')
    const { code, message, hint } = known
    socket.send(JSON.stringify({ type: 'failed', error: { code, message, hint } }))
    socket.close(1000)
  }
}

/** Of a command line in an event: enough to know what was done. */
const commandCharacters = 500

function parse(data: RawData): ExecRequest | undefined {
  try {
    return execRequest.safeParse(JSON.parse((data as Buffer).toString())).data
  } catch {
    return undefined
  }
}
