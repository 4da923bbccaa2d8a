import { PassThrough } from 'node:stream'

import type Docker from 'dockerode'

import { ExecError, type ExecProcess, type ExecRequest } from '../engine.ts'
import type { Daemon } from './daemon.ts'

export interface ExecPlace {
  daemon: Daemon
  /** Name of the container. */
  container: string
  workingDir: string
}

/** What both daemons answer for a program that is not there, or may not be executed. */
const notStarted =
  /executable file .*not found|no such file or directory|permission denied|not a directory|unable to find user/i
/** Said before the daemon's own words for it. */
const prefix = /^.*?(OCI runtime[^:]*: |exec failed: |crun: |runc: )+/is

/**
 * Runs a program in a container by the exec call of the daemon:
 * https://docs.docker.com/reference/api/engine/version/v1.47/#tag/Exec. It has the user, capabilities and limits of the
 * container. Throws ExecError.
 */
export async function execInContainer(place: ExecPlace, request: ExecRequest): Promise<ExecProcess> {
  const { daemon, container, workingDir } = place
  const docker = await daemon.streams()
  const exec = await told(() =>
    docker.getContainer(container).exec({
      Cmd: request.argv,
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
      Tty: request.terminal !== undefined,
      Env: Object.entries({ ...(request.terminal && { TERM: 'xterm-256color' }), ...request.env }).map(
        ([name, value]) => `${name}=${value}`,
      ),
      WorkingDir: request.workingDir ?? workingDir,
      ...(request.user === undefined ? {} : { User: request.user }),
    }),
  )
  const stream = await told(() => exec.start({ hijack: true, stdin: true, Tty: request.terminal !== undefined }))
  const [output, errors] = [new PassThrough(), new PassThrough()]
  if (request.terminal) stream.pipe(output)
  else docker.modem.demuxStream(stream, output, errors)
  const resize = (columns: number, rows: number) => void exec.resize({ w: columns, h: rows }).catch(() => {})
  const exit = new Promise<number>((resolve) => {
    const end = () => {
      output.end()
      errors.end()
      exitCode(exec).then(resolve, () => resolve(killed))
    }
    stream.once('close', end)
    stream.once('end', end)
    stream.once('error', end)
  })
  if (request.terminal) resize(request.terminal.columns, request.terminal.rows)
  return {
    input: stream,
    output,
    errors,
    resize,
    kill: () => void end(exec).finally(() => stream.destroy()),
    exit,
  }
}

const killed = 128 + 9

/** A daemon may tell that the streams have ended a moment before it knows the exit. */
async function exitCode(exec: Docker.Exec): Promise<number> {
  for (let tries = 0; tries < 50; tries++) {
    const { Running, ExitCode } = await exec.inspect()
    if (!Running && ExitCode !== null) return ExitCode
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return killed
}

/** The API has no call for it: its process is one of this machine, where we may signal it. */
async function end(exec: Docker.Exec): Promise<void> {
  try {
    const { Running, Pid } = await exec.inspect()
    if (Running && Pid > 0) process.kill(Pid, 'SIGHUP')
  } catch {
    // It has ended meanwhile, or belongs to the user of the daemon: it ends when nobody reads what it writes.
  }
}

async function told<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    const text = error instanceof Error && 'json' in error ? messageIn(error.json) : String(error)
    if (notStarted.test(text)) throw new ExecError(text.replace(prefix, '').trim().slice(0, 300))
    const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined
    if (status === 404 || status === 409) throw new ExecError('its container does not run')
    throw error
  }
}

const messageIn = (json: unknown): string =>
  typeof json === 'object' && json !== null && 'message' in json ? String(json.message) : String(json)
