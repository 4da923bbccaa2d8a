import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { createInterface } from 'node:readline'

import { shimProgram } from './machine.ts'

/** A launcher that dies this often while it serves one request will not get better by itself. */
const mostAttempts = 3

interface Request {
  line: string
  attempts: number
  resolve(done: boolean): void
  reject(error: Error): void
}

/**
 * The Python process that starts and deletes tasks for us (`shim/launcher.py`). It is started on first use and again
 * when it has died; what it had not answered is asked again, which is safe because a task can be claimed only once.
 */
export class Launcher {
  readonly #python: string
  readonly #settings: object
  readonly #logPath: string
  readonly #open = new Map<number, Request>()
  #child: ChildProcess | null = null
  #numbers = 0
  #closed = false

  /** `logPath`: the file to which the launcher and the shims write what should never happen. */
  constructor(python: string, settings: object, logPath: string) {
    this.#python = python
    this.#settings = settings
    this.#logPath = logPath
  }

  /** Resolves when the task in this folder is claimed by its process, or was before. */
  async start(folder: string): Promise<void> {
    await this.#ask({ start: folder })
  }

  /** Resolves when the folder is gone. */
  async delete(folder: string): Promise<void> {
    await this.#ask({ delete: folder })
  }

  /** Makes a folder of the task with this first process read-only or writable; false while a file is open there. */
  protect(pid: number, target: string, readOnly: boolean): Promise<boolean> {
    return this.#ask({ protect: { pid, target, readOnly } })
  }

  /** Lets the launcher end. Tasks run on. */
  close(): void {
    this.#closed = true
    this.#child?.stdin?.end()
  }

  #ask(question: object): Promise<boolean> {
    if (this.#closed) return Promise.reject(new Error('the process engine is closed'))
    const number = this.#numbers++
    return new Promise((resolve, reject) => {
      this.#open.set(number, { line: JSON.stringify({ number, ...question }), attempts: 0, resolve, reject })
      this.#send(number)
    })
  }

  #send(number: number): void {
    const request = this.#open.get(number)
    if (!request) return
    request.attempts += 1
    if (request.attempts > mostAttempts) {
      this.#open.delete(number)
      request.reject(new Error(`the launcher of tasks keeps dying; see ${this.#logPath}`))
      return
    }
    this.#child ??= this.#launch()
    this.#child.stdin?.write(`${request.line}\n`)
  }

  #launch(): ChildProcess {
    const log = openSync(this.#logPath, 'a', 0o600)
    // A session of its own: a Ctrl-C in the server's terminal is not meant for it.
    const child = spawn(this.#python, shimProgram('launcher.py'), {
      stdio: ['pipe', 'pipe', log],
      detached: true,
      env: {},
      cwd: '/',
    })
    closeSync(log)
    // A write to a launcher that has died fails here; its end is dealt with below.
    child.stdin?.on('error', () => {})
    child.on('error', () => this.#died(child))
    child.on('exit', () => this.#died(child))
    if (child.stdout) createInterface({ input: child.stdout }).on('line', (line) => this.#answer(line))
    child.stdin?.write(`${JSON.stringify({ settings: this.#settings })}\n`)
    return child
  }

  #answer(line: string): void {
    const { number, done, error } = JSON.parse(line) as { number: number; done: boolean; error?: string }
    const request = this.#open.get(number)
    this.#open.delete(number)
    if (error === undefined) request?.resolve(done)
    else request?.reject(new Error(error))
  }

  #died(child: ChildProcess): void {
    if (this.#child !== child) return
    this.#child = null
    for (const number of this.#open.keys()) this.#send(number)
  }
}
