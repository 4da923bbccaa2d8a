import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify, stripVTControlCharacters } from 'node:util'
import { afterAll, beforeAll } from 'vitest'
import { type ServerProcess, until } from './server-process.ts'

const root = join(import.meta.dirname, '../../..')

/** The real client of Gradient, started once: importing it takes longer than most of its commands. */
export interface GradientClient {
  /** What a command printed, without its spinner. */
  run(...words: string[]): Promise<string>
  /** The same in another folder. */
  runIn(cwd: string, ...words: string[]): Promise<string>
  env: Record<string, string>
  folder: string
  /** The program itself. */
  program: string
}

/** What `nabla gradient env` prints, as an environment. */
export async function gradientEnv(server: ServerProcess, folder: string, key = server.key) {
  const { stdout } = await promisify(execFile)(
    join(root, 'node_modules/.bin/node'),
    [join(root, 'packages/cli/src/main.ts'), 'gradient', 'env'],
    {
      env: {
        PATH: process.env['PATH'],
        HOME: folder,
        NABLA_CONFIG: join(folder, 'config.json'),
        NABLA_URL: server.url,
        NABLA_API_KEY: key,
      },
    },
  )
  const lines = stdout.trim().split('\n')
  return Object.fromEntries(lines.map((line) => /^export (\w+)='(.*)'$/.exec(line)!.slice(1) as [string, string]))
}

/** One client for all tests of a file: to be called at its top, and the function that it gives in the tests. */
export function useGradientClient(
  python: string | null,
  server: () => ServerProcess,
  more: Record<string, string> = {},
): () => GradientClient {
  const undo: (() => unknown)[] = []
  let client: GradientClient | undefined
  beforeAll(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nabla-gradient-'))
    undo.push(() => rmSync(folder, { recursive: true, force: true }))
    const env = {
      PATH: `${dirname(python!)}:${process.env['PATH']}`,
      HOME: folder,
      TMPDIR: folder,
      PAPERSPACE_USE_CONSOLE_COLORS: 'false',
      COLUMNS: '200',
      ...(await gradientEnv(server(), folder)),
      ...more,
    }
    const child = spawn(python!, [join(root, 'test/python/gradient/drive.py')], {
      cwd: folder,
      env,
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    undo.push(async () => {
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    })
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    await lines.next()
    let last: Promise<unknown> = Promise.resolve()
    const runIn = async (cwd: string, ...words: string[]) => {
      const before = last
      const answer = (async () => {
        await before
        child.stdin.write(`${JSON.stringify({ cwd, words })}\n`)
        const { value } = await lines.next()
        const { code, output } = JSON.parse(value as string) as { code: number; output: string }
        return plain(code === 0 ? output : `${output}\nexit ${code}`)
      })()
      last = answer.catch(() => undefined)
      return answer
    }
    client = {
      env,
      folder,
      program: join(dirname(python!), 'gradient'),
      runIn,
      run: (...words) => runIn(folder, ...words),
    }
  }, 120_000)
  afterAll(async () => {
    for (const step of undo.toReversed()) await step()
  })
  return () => client!
}

/**
 * The program of `paperspace-node`, which is fetched once and kept beside the other caches. Null where npm cannot fetch
 * it. What it brings along runs nothing of its own when it is installed.
 */
export async function paperspaceNode(): Promise<string | null> {
  const folder = join(root, 'node_modules/.cache/nabla-test-paperspace-node-0.2.4')
  const program = join(folder, 'node_modules/paperspace-node/bin/paperspace')
  const ready = join(folder, 'ready')
  if (existsSync(ready)) return program
  const making = `${folder}.${process.pid}`
  try {
    const npm = ['install', '--prefix', making, '--no-audit', '--no-fund', '--ignore-scripts', 'paperspace-node@0.2.4']
    await promisify(execFile)('npm', npm, { timeout: 300_000 })
    writeFileSync(join(making, 'ready'), '')
    // Whoever comes second finds that of the first.
    await rename(making, folder).catch(() => rm(making, { recursive: true, force: true }))
    return program
  } catch {
    await rm(making, { recursive: true, force: true })
    return null
  }
}

/** Runs a command that never ends until it has printed something. */
export async function firstOutput(
  program: string,
  words: string[],
  env: Record<string, string>,
  wanted: RegExp,
): Promise<string> {
  const child = spawn(program, words, { env: { ...env, PYTHONUNBUFFERED: '1', TERM: 'xterm' } })
  try {
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => (output += chunk))
    child.stderr.on('data', (chunk: Buffer) => (output += chunk))
    return await until(() => {
      if (!wanted.test(output)) throw new Error(`not yet: ${output}`)
      return output
    })
  } finally {
    child.kill('SIGKILL')
  }
}

/** Without colours and what spinners draw. */
export const plain = (text: string): string =>
  stripVTControlCharacters(text)
    .replaceAll(/[⠀-⣿] [^⠀-⣿\n+]*?(?=[⠀-⣿])/g, '')
    .replaceAll(/[⠀-⣿] /g, '')
    .replaceAll('\r', '')

/** The first id with a prefix in what was printed. */
export function idIn(output: string, prefix: string): string {
  const found = new RegExp(`\\b${prefix}[0-9a-hjkmnp-tv-z]{16}\\b`).exec(output)?.[0]
  if (found === undefined) throw new Error(`no id with ${prefix} in: ${output}`)
  return found
}

/** A workflow: that of the guide of Gradient, nearly word for word. */
export const workflowFile = `
defaults:
  env:
    TSTVAR: everywhere
  resources:
    instance-type: C1
inputs:
  echo:
    type: string
    with:
      value: "hello world"
jobs:
  job-1:
    inputs:
      echo: workflow.inputs.echo
    outputs:
      data2:
        type: dataset
        with:
          ref: from-flow
      echo2:
        type: string
    env:
      TSTVAR: test
    uses: container@v1
    with:
      args:
      - bash
      - -c
      - ls -d /inputs/echo > /outputs/data2/list.txt; echo ENV $TSTVAR $(cat inputs/echo) > /outputs/echo2; cat /outputs/echo2
      image: bash:5
  job-2:
    inputs:
      data2: job-1.outputs.data2
      echo2: job-1.outputs.echo2
    needs:
    - job-1
    uses: script@v1
    with:
      script: |-
        wc -l /inputs/data2/list.txt
        cat /inputs/echo2
      image: bash:5
`
