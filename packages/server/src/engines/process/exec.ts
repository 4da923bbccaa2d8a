import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'

import { ExecError, type ExecProcess, type ExecRequest } from '../engine.ts'
import { shimProgram } from './machine.ts'

/** Where the task is, and how this machine starts tasks. */
export interface Place {
  python: string
  settings: object
  /** The folder of the task. */
  folder: string
  /** The first process of its namespaces. */
  pid: number
}

/** Runs a program inside a task by means of `shim/exec.py`, which ends when we do. Throws ExecError. */
export async function execInTask(place: Place, request: ExecRequest): Promise<ExecProcess> {
  if (request.user !== undefined) throw new ExecError('on this machine type there are no other users')
  const { python, ...rest } = place
  const child = spawn(python, shimProgram('exec.py'), {
    stdio: ['pipe', 'pipe', 'pipe', 'pipe', 'pipe'],
    detached: true,
    env: {},
    cwd: '/',
  })
  const [input, output, errors, control, answers] = child.stdio as unknown as [
    Writable,
    Readable,
    Readable,
    Writable,
    Readable,
  ]
  for (const stream of [input, output, errors, control, answers]) stream.on('error', () => {})
  const { argv, env, workingDir: cwd, terminal } = request
  control.write(`${JSON.stringify({ ...rest, argv, env, cwd, terminal })}\n`)
  const told = hear(answers)
  child.once('error', () => told.close())
  const begun = await told.begun
  if (begun !== undefined) throw new ExecError(begun)
  return {
    input,
    output,
    errors,
    resize: (columns, rows) => void control.write(`${JSON.stringify({ columns, rows })}\n`),
    kill: () => void control.end(),
    exit: Promise.all([told.exit, over(output), over(errors)]).then(([code]) => code),
  }
}

/** Resolves when a stream has been read to its end, or broke off. */
const over = (stream: Readable): Promise<void> => new Promise((resolve) => stream.once('close', resolve))

/** What the program between us and the task says: whether it could be started (undefined: yes), and how it ended. */
function hear(answers: Readable) {
  const begun = Promise.withResolvers<string | undefined>()
  const exit = Promise.withResolvers<number>()
  const lines = createInterface({ input: answers })
  lines.on('line', (line) => {
    const answer = JSON.parse(line) as { started?: true; error?: string; exit?: number }
    if (answer.started) begun.resolve(undefined)
    if (answer.error !== undefined) begun.resolve(answer.error)
    if (answer.exit !== undefined) exit.resolve(answer.exit)
  })
  const close = () => {
    begun.resolve('the program that starts it has ended')
    exit.resolve(killed)
  }
  lines.once('close', close)
  return { begun: begun.promise, exit: exit.promise, close }
}

/** The exit code of what was killed by SIGKILL. */
const killed = 128 + 9
