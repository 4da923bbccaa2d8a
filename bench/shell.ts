import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process'
import { once } from 'node:events'

/** Runs a program to its end. Throws, with what it wrote to stderr, when that is not an exit code of 0. */
export async function run(program: string, args: string[], options: SpawnOptions = {}): Promise<void> {
  const child = spawn(program, args, { ...options, stdio: ['ignore', 'ignore', 'pipe'] })
  await untilDone(child, `${program} ${args.join(' ')}`)
}

/** A shell line, with pipes whose every part has to succeed; in it, `args` are `$1` and so on. */
export const runShell = (line: string, ...args: string[]): Promise<void> =>
  run('bash', ['-o', 'pipefail', '-c', line, 'bash', ...args])

/** Whether there is a program of this name. */
export async function isInstalled(program: string): Promise<boolean> {
  return run('which', [program]).then(
    () => true,
    () => false,
  )
}

/** Waits until a child has ended well. */
export async function untilDone(child: ChildProcess, what: string): Promise<void> {
  let errors = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-2000)))
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
  if (code !== 0) throw new Error(`${what} ended with ${code ?? signal}: ${errors}`)
}

/** Runs `work` on each of the items, `width` of them at a time. */
export async function sideBySide<T>(items: readonly T[], width: number, work: (item: T) => Promise<unknown>) {
  const queue = items.values()
  const worker = async () => {
    for (const item of queue) await work(item)
  }
  await Promise.all(Array.from({ length: width }, worker))
}
