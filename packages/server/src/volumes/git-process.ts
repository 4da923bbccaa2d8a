import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { PassThrough, pipeline, type Readable } from 'node:stream'

import { AppError } from '../lib/app-error.ts'
import { errorCode } from '../lib/file-error.ts'
import { limits } from '../lib/limits.ts'
import type { GitRemote } from './git-remote.ts'

/** What every call of git in one fetch shares. */
export interface GitRun {
  remote: GitRemote
  /** Further environment. */
  env: Record<string, string>
  /** An empty folder that stands in for the home of the user, so that nothing there is read. */
  home: string
  /** Folder of the repository, once there is one. */
  repository?: string
  signal: AbortSignal
}

export interface GitProcess {
  stdout: Readable
  /** Rejects if git fails. */
  ended: Promise<void>
  /** Ends git and all that it started. */
  kill(): void
}

/** Runs git to its end and returns what it wrote. Throws an AppError that tells what went wrong. */
export async function runGit(run: GitRun, args: string[]): Promise<string> {
  const git = startGit(run, args)
  const chunks: Buffer[] = []
  let length = 0
  try {
    for await (const chunk of git.stdout as AsyncIterable<Buffer>) {
      length += chunk.length
      if (length > limits.gitOutputBytes) throw new AppError('git_failed', shownReason(run, 'it has too many branches'))
      chunks.push(chunk)
    }
    await git.ended
  } catch (error) {
    // Output that breaks off is only what is seen of a failure.
    if (!(error instanceof AppError)) await git.ended
    throw error
  } finally {
    git.kill()
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** Starts git with arguments as they are, never by way of a shell. */
export function startGit(run: GitRun, args: string[]): GitProcess {
  run.signal.throwIfAborted()
  const where = run.repository === undefined ? [] : [`--git-dir=${run.repository}`]
  const child = spawn('git', [...where, ...args], {
    cwd: run.home,
    env: environment(run),
    stdio: ['ignore', 'pipe', 'pipe'],
    // A process group of its own: git leaves the network to others that it starts.
    detached: true,
  })
  const kill = () => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
    try {
      process.kill(-child.pid, 'SIGKILL')
    } catch (error) {
      // It has ended by itself, and that is about to be known here.
      if (errorCode(error) !== 'ESRCH') throw error
    }
  }
  run.signal.addEventListener('abort', kill)
  const ended = outcome(run, child).finally(() => run.signal.removeEventListener('abort', kill))
  // Whoever reads the output may fail first and never ask.
  ended.catch(() => {})
  // Node throws away what nobody has begun to read when a process exits; what has been passed on is kept.
  const stdout = pipeline(child.stdout, new PassThrough(), () => {
    // Whoever reads sees it.
  })
  return { stdout, ended, kill }
}

/** What git says last is what matters. */
const keptErrorChars = 8000

async function outcome(run: GitRun, child: ChildProcessByStdio<null, Readable, Readable>): Promise<void> {
  let said = ''
  child.stderr.setEncoding('utf8')
  child.stderr.on('data', (text: string) => {
    said = (said + text).slice(-keptErrorChars)
  })
  try {
    const [code] = (await once(child, 'close')) as [number | null]
    run.signal.throwIfAborted()
    if (code !== 0) throw gitError(run, said)
  } catch (error) {
    child.stdout.destroy()
    throw errorCode(error) === 'ENOENT' ? new AppError('git_missing') : error
  }
}

/**
 * Settings for git that hold whatever the machine's own are. The login is asked of git's credential helper, a line
 * for the shell that reads it from the environment: it is in no argument, no file and no address. It is set for the
 * one host only, so that a redirect to another one does not get it.
 */
function environment(run: GitRun): Record<string, string> {
  const settings: [string, string][] = [
    ['credential.helper', ''],
    ['core.askPass', ''],
    ['core.hooksPath', '/dev/null'],
    ['core.attributesFile', '/dev/null'],
    ['gc.auto', '0'],
    ['http.lowSpeedLimit', '1'],
    ['http.lowSpeedTime', '120'],
  ]
  const { login } = run.remote
  if (login) settings.push([`credential.${login.origin}.helper`, credentialHelper])
  const numbered = settings.flatMap(([key, value], index) => [
    [`GIT_CONFIG_KEY_${index}`, key],
    [`GIT_CONFIG_VALUE_${index}`, value],
  ])
  return {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    ...run.env,
    LC_ALL: 'C',
    HOME: run.home,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_COUNT: String(settings.length),
    ...Object.fromEntries(numbered),
    GIT_ALLOW_PROTOCOL: 'http:https:ssh:git',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: '',
    SSH_ASKPASS: '',
    GIT_SSH_COMMAND: 'ssh -o BatchMode=yes -o StrictHostKeyChecking=accept-new -o ConnectTimeout=30',
    ...(login && { NABLA_GIT_USERNAME: login.username, NABLA_GIT_PASSWORD: login.password }),
  }
}

const credentialHelper =
  String.raw`!f() { test "$1" = get && printf 'username=%s\npassword=%s\n' ` +
  String.raw`"$NABLA_GIT_USERNAME" "$NABLA_GIT_PASSWORD"; }; f`

/** Git tells kinds of failure only by its words; with LC_ALL=C they are English. */
const refusals = [
  /Authentication failed/,
  /could not read (Username|Password)/,
  /Permission denied/,
  /Host key verification failed/,
  /returned error: 40[134]/,
  /repository '.*' not found/,
  /[Rr]epository not found/,
  /does not appear to be a git repository/,
  /access denied or repository not exported/,
  /Could not read from remote repository/,
]

const missingRefs = [/couldn't find remote ref/, /not our ref/, /unadvertised object/, /no such ref/i]

function gitError(run: GitRun, said: string): AppError {
  if (/No space left on device|Disk quota exceeded/.test(said)) return new AppError('disk_full')
  if (missingRefs.some((pattern) => pattern.test(said))) {
    return new AppError('git_failed', shownReason(run, 'it does not give out this branch, tag or commit'))
  }
  if (refusals.some((pattern) => pattern.test(said))) return new AppError('git_refused', { url: run.remote.shown })
  const lines = said.split('\n').filter((line) => line.trim() !== '')
  const line =
    lines.findLast((line) => /^(fatal|error):/.test(line)) ?? lines.at(-1) ?? 'git failed and did not say why'
  return new AppError('git_failed', shownReason(run, line.replace(/^(fatal|error): /, '').slice(0, 500)))
}

/** Whatever git or a server says back, the password is not in it. */
function shownReason(run: GitRun, reason: string): { url: string; reason: string } {
  const password = run.remote.login?.password ?? ''
  let text = reason.replaceAll(/\p{Cc}/gu, ' ')
  for (const form of [password, encodeURIComponent(password), Buffer.from(password).toString('base64')]) {
    if (form !== '') text = text.replaceAll(form, '***')
  }
  return { url: run.remote.shown, reason: text.replace(/[.\s]+$/, '') }
}
