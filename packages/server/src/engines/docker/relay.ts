import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

import type { Clock } from '../../lib/clock.ts'
import { limits } from '../../lib/limits.ts'

/** Where a task finds the server: on the loopback of its own network, at a port that programs seldom use. */
const inside = { host: '127.0.0.1', port: 17_070 }

/** As a task sees it. */
export const relayUrl = `http://${inside.host}:${inside.port}`

/** A relay that keeps dying will not get better by itself. */
const mostLaunches = 5

/**
 * Brings tasks that have networks of their own to one port of this machine: a small Python process (`relay.py`) enters
 * their networks, which Node cannot. It is started for the first task, and again when it has died. It ends with this
 * process; a server that is started again opens the ways of the tasks that run.
 */
export class Relay {
  readonly #python: string
  readonly #path: string
  readonly #logPath: string
  readonly #clock: Clock
  /** Tasks with a way, each with a process in its network and the address that it is known by. */
  readonly #ways = new Map<string, { pid: number; from: string }>()
  readonly #asked = new Map<number, (done: boolean) => void>()
  #target: number | null = null
  #child: ChildProcess | null = null
  #launches = 0
  #numbers = 0
  #given = 0
  #closed = false

  /** `path`: folders of programs, where `python` is looked for. `logPath`: what should never happen is written there. */
  constructor(python: string, path: string, logPath: string, clock: Clock) {
    this.#python = python
    this.#path = path
    this.#logPath = logPath
    this.#clock = clock
  }

  /** Null until it is set: then there is nothing to reach. */
  get target(): number | null {
    return this.#target
  }

  /** The port of 127.0.0.1 that tasks reach from now on. */
  set target(port: number) {
    this.#target = port
    if (this.#child) this.#child.stdin?.write(`${JSON.stringify({ target: port })}\n`)
    else this.#openAll()
  }

  /**
   * Resolves when the task whose network this process is in has its way: false if that cannot be, or not before there is
   * a port to reach.
   */
  open(id: string, pid: number): Promise<boolean> {
    const from = this.#ways.get(id)?.from ?? addressOf(this.#given++)
    this.#ways.set(id, { pid, from })
    if (this.#closed || this.#target === null) return Promise.resolve(false)
    this.#child ??= this.#launch()
    return this.#child ? this.#ask(id) : Promise.resolve(false)
  }

  close(id: string): void {
    if (this.#ways.delete(id)) this.#child?.stdin?.write(`${JSON.stringify({ close: id })}\n`)
  }

  end(): void {
    this.#closed = true
    this.#child?.stdin?.end()
  }

  #ask(id: string): Promise<boolean> {
    const number = this.#numbers++
    return new Promise((resolve) => {
      const cancel = this.#clock.after(limits.relayOpenMs, () => this.#settle(number, false))
      this.#asked.set(number, (done) => {
        cancel()
        resolve(done)
      })
      this.#child?.stdin?.write(`${JSON.stringify({ number, open: id, ...this.#ways.get(id) })}\n`)
    })
  }

  #launch(): ChildProcess | null {
    this.#launches += 1
    if (this.#launches > mostLaunches) return null
    const log = openSync(this.#logPath, 'a', 0o600)
    const program = ['-I', '-S', '-E', '-B', join(import.meta.dirname, 'relay.py')]
    // A session of its own: a Ctrl-C in the server's terminal is not meant for it.
    const child = spawn(this.#python, program, {
      stdio: ['pipe', 'pipe', log],
      detached: true,
      env: { PATH: this.#path },
      cwd: '/',
    })
    closeSync(log)
    // A write to one that has died fails here; its end is dealt with below.
    child.stdin?.on('error', () => {})
    child.on('error', () => this.#died(child))
    child.on('exit', () => this.#died(child))
    if (child.stdout) createInterface({ input: child.stdout }).on('line', (line) => this.#answer(line))
    const settings = { ...inside, connections: limits.relayConnections }
    child.stdin?.write(`${JSON.stringify({ settings })}\n${JSON.stringify({ target: this.#target })}\n`)
    return child
  }

  #answer(line: string): void {
    const { number, error } = JSON.parse(line) as { number: number; error?: string }
    this.#settle(number, error === undefined)
  }

  #settle(number: number, done: boolean): void {
    this.#asked.get(number)?.(done)
    this.#asked.delete(number)
  }

  #died(child: ChildProcess): void {
    if (this.#child !== child) return
    this.#child = null
    for (const number of this.#asked.keys()) this.#settle(number, false)
    this.#openAll()
  }

  #openAll(): void {
    if (this.#closed || this.#ways.size === 0) return
    this.#child ??= this.#launch()
    if (this.#child) for (const id of this.#ways.keys()) void this.#ask(id)
  }
}

/** An address of loopback for each task, so that whoever listens can tell tasks from each other and from people. */
const addressOf = (number: number): string => `127.${64 + ((number >> 16) & 63)}.${(number >> 8) & 255}.${number & 255}`
