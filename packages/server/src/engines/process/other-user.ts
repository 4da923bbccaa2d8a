import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, copyFileSync, cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'

import { systemClock } from '../../lib/clock.ts'
import { type Engine, ExecError, type ExecProcess, type ExecRequest } from '../engine.ts'
import { createProcessEngine } from './process-engine.ts'

/*
 * For tests: an engine in a process of another user, called as if it were here. This file is both ends; a copy of it
 * is what the other user runs, since he may not be able to read the checkout.
 */

/**
 * A user that no file of the machine belongs to: one for each process, since without control groups the kernel counts all
 * processes of a user against the bound of each task, and a fork bomb of one test would hold tasks of another.
 */
export const otherUser = 12_345 + (process.pid % 10_000)

type Method =
  | 'start'
  | 'stop'
  | 'setWritable'
  | 'remove'
  | 'address'
  | 'list'
  | 'capacity'
  | 'sample'
  | 'doctor'
  | 'close'
  | 'exec'
  | 'finish'
type Message = { number: number; value?: unknown; error?: string } | { changed: string }

/** Copies the engine's files into `folder`, where the other user can read them. Returns what `openAsOtherUser` needs. */
export function copyForOtherUser(folder: string): { node: string; program: string } {
  const source = join(import.meta.dirname, '..', '..')
  for (const part of ['engines', 'lib']) cpSync(join(source, part), join(folder, part), { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  execFileSync('chmod', ['-R', 'a+rX', folder])
  return { node: nodeForOtherUser(folder), program: join(folder, 'engines', 'process', 'other-user.ts') }
}

/** An engine that lives in a process of `otherUser`. */
export function openAsOtherUser(copy: { node: string; program: string }, dataDir: string): Engine {
  const child = spawn(copy.node, [copy.program, dataDir], {
    stdio: ['pipe', 'pipe', 'inherit'],
    uid: otherUser,
    gid: otherUser,
    env: { PATH: '/usr/bin:/bin', HOME: '/nonexistent' },
    cwd: '/',
  })
  const open = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  const watchers = new Set<(id: string) => void>()
  let numbers = 0
  createInterface({ input: child.stdout }).on('line', (line) => {
    const message = JSON.parse(line) as Message
    if ('changed' in message) {
      for (const onChange of watchers) onChange(message.changed)
      return
    }
    const call = open.get(message.number)
    open.delete(message.number)
    if (message.error === undefined) call?.resolve(message.value)
    else call?.reject(new Error(message.error))
  })
  const call = <T>(method: Method, ...args: unknown[]) =>
    new Promise<T>((resolve: (value: never) => void, reject) => {
      const number = numbers++
      open.set(number, { resolve, reject })
      child.stdin.write(`${JSON.stringify({ number, method, args })}\n`)
    })
  return {
    name: 'process',
    accepts: (image) => createdAccepts(image),
    start: (task) => call('start', task),
    stop: (id, graceMs) => call('stop', id, graceMs),
    setWritable: (id, target, writable) => call('setWritable', id, target, writable),
    remove: (id) => call('remove', id),
    address: (id, port) => call('address', id, port),
    async exec(id, request) {
      const begun = await call<number>('exec', id, request).catch((error: Error) => {
        throw new ExecError(error.message)
      })
      return finishedElsewhere((input) => call<Finished>('finish', begun, input))
    },
    list: () => call('list'),
    capacity: () => call('capacity'),
    sample: (ids) => call('sample', ids),
    doctor: () => call('doctor'),
    watch(onChange, signal) {
      watchers.add(onChange)
      signal.addEventListener('abort', () => watchers.delete(onChange))
    },
    async close() {
      const gone = new Promise((resolve) => {
        child.once('exit', resolve)
      })
      await call('close')
      child.stdin.end()
      await gone
    },
  }
}

/** How a program in a task ended, and what it wrote. */
interface Finished {
  output: string
  code: number
}

/** A program that runs in the other process: it gets its input as a whole, and its output comes as a whole. */
function finishedElsewhere(finish: (input: string) => Promise<Finished>): ExecProcess {
  const [input, output, errors] = [new PassThrough(), new PassThrough(), new PassThrough()]
  errors.end()
  const exit = text(input)
    .then(finish)
    .then((finished) => {
      output.end(finished.output)
      return finished.code
    })
  return { input, output, errors, resize: () => {}, kill: () => {}, exit }
}

const createdAccepts = (image: string): ReturnType<Engine['accepts']> =>
  image === 'host' ? { ok: true } : { ok: false, reason: 'only host' }

function nodeForOtherUser(folder: string): string {
  try {
    execFileSync(process.execPath, ['--version'], { uid: otherUser, gid: otherUser, stdio: 'ignore', cwd: '/' })
    return process.execPath
  } catch {
    const node = join(folder, 'node')
    copyFileSync(process.execPath, node)
    chmodSync(node, 0o755)
    return node
  }
}

async function serve(dataDir: string): Promise<void> {
  const engine = createProcessEngine({ dataDir, clock: systemClock, hostEnv: { PATH: '/usr/bin:/bin' } })
  const say = (message: Message) => process.stdout.write(`${JSON.stringify(message)}\n`)
  engine.watch((changed) => say({ changed }), new AbortController().signal)
  const programs: ExecProcess[] = []
  const finish = async (index: number, input: string): Promise<Finished> => {
    const program = programs[index] as ExecProcess
    program.input.end(input)
    program.errors.resume()
    return { output: await text(program.output), code: await program.exit }
  }
  const answer = async (line: string) => {
    const { number, method, args } = JSON.parse(line) as { number: number; method: Method; args: never[] }
    try {
      if (method === 'exec') {
        say({ number, value: programs.push(await engine.exec(...(args as unknown as [string, ExecRequest]))) - 1 })
        return
      }
      if (method === 'finish') {
        say({ number, value: await finish(...(args as unknown as [number, string])) })
        return
      }
      const run = engine[method] as (...args: unknown[]) => Promise<unknown>
      say({ number, value: await run.apply(engine, args) })
    } catch (error) {
      say({ number, error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
    }
  }
  for await (const line of createInterface({ input: process.stdin })) void answer(line)
  await engine.close()
}

if (import.meta.main) await serve(process.argv[2] ?? '')
