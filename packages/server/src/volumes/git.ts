import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { AppError } from '../lib/app-error.ts'
import { limits } from '../lib/limits.ts'
import { unpack } from './archive.ts'
import { type GitRun, runGit, startGit } from './git-process.ts'
import { type GitRemote, parseRef, parseRemote } from './git-remote.ts'
import { sizeText } from './meter.ts'
import { inStaging } from './staging.ts'
import type { TreeSummary } from './tree-builder.ts'
import { usage } from './usage.ts'

export interface GitRequest {
  /** http, https, ssh or git; `git+` in front is accepted. A name and password in it are taken out. */
  url: string
  /** Branch, tag, or commit in full or shortened; the default branch if left out. */
  ref?: string
  username?: string
  /** Never shown: it reaches git by its environment, and only for the host of `url`. */
  password?: string
  /** Replaced by the files of the commit, at once, when they are complete. */
  targetDir: string
  signal: AbortSignal
  timeoutMs: number
  /** Further environment of git: a `PATH` of its own, proxies. */
  env?: Record<string, string>
}

export interface GitTree extends TreeSummary {
  /** In full. */
  commit: string
}

/**
 * Fetches the files of one commit with the `git` of this machine, without its history where the server allows that,
 * and without `.git`. Submodules are left out: their folders are there, empty. Files kept by Git LFS stay the small
 * pointers that they are in the repository. Nothing of the repository is run: no hooks, no filters.
 * Throws `invalid`, `git_missing`, `git_refused`, `git_ref_not_found`, `git_failed`, `archive_too_large`, `disk_full`.
 */
export async function fetchGit(request: GitRequest): Promise<GitTree> {
  const remote = parseRemote(request.url, request.username, request.password)
  const ref = request.ref === undefined ? undefined : parseRef(request.ref)
  const timeout = AbortSignal.timeout(request.timeoutMs)
  const tooLarge = new AbortController()
  const signal = AbortSignal.any([request.signal, timeout, tooLarge.signal])
  try {
    return await inStaging(request.targetDir, async (staging) => {
      const stopWatching = watchSize(staging, tooLarge)
      try {
        return await fetchInto(staging, { remote, env: request.env ?? {}, home: staging, signal }, ref, request)
      } finally {
        stopWatching()
      }
    })
  } catch (error) {
    if (request.signal.aborted) throw error
    if (tooLarge.signal.aborted) throw tooLarge.signal.reason
    if (timeout.aborted) throw failed(remote, `it took longer than ${Math.round(request.timeoutMs / 1000)} seconds`)
    throw error
  }
}

/**
 * Checks, before anything is stored, that `fetchGit` will take an address and a ref. An address with a login in it is
 * refused here: unlike the password beside it, the address is kept and shown as it is. Throws `invalid`.
 */
export function checkGitUrl(url: string, ref?: string): void {
  const { login } = parseRemote(url)
  if (login) {
    const detail = 'Leave the name and the password out of the git address; give them with --workspace-username and'
    throw new AppError('invalid', { detail: `${detail} --workspace-password, which are kept sealed.` })
  }
  if (ref !== undefined) parseRef(ref)
}

/** Where the wanted commit ends up in the repository that is made for it. */
const wanted = 'refs/nabla/wanted'

const sizeCheckMs = 1000

function failed(remote: GitRemote, reason: string): AppError {
  return new AppError('git_failed', { url: remote.shown, reason })
}

/** Git itself sets no bound to what it fetches. */
function watchSize(dir: string, tooLarge: AbortController): () => void {
  let checking = false
  const check = async () => {
    if (checking) return
    checking = true
    const { bytes } = await usage(dir, tooLarge.signal)
    const reason = `the repository is larger than ${sizeText(limits.uploadBytes)}`
    if (bytes > limits.uploadBytes) tooLarge.abort(new AppError('archive_too_large', { reason }))
    checking = false
  }
  const timer = setInterval(() => {
    // The folder may go at any moment; then there is nothing left to watch.
    check().catch(() => clearInterval(timer))
  }, sizeCheckMs)
  return () => clearInterval(timer)
}

async function fetchInto(staging: string, run: GitRun, ref: string | undefined, request: GitRequest): Promise<GitTree> {
  const repository = join(staging, 'repository')
  await runGit(run, ['init', '--quiet', '--bare', '--template=', '--', repository])
  // All files as they are committed, whatever the repository would leave out of or put into a release.
  await mkdir(join(repository, 'info'))
  await writeFile(join(repository, 'info/attributes'), '* -export-ignore -export-subst\n')
  const commit = await fetchCommit({ ...run, repository }, ref)
  const summary = await unpackCommit({ ...run, repository }, commit, request.targetDir)
  return { commit, ...summary }
}

/** Returns the full id of the commit, which is in the repository now. */
async function fetchCommit(run: GitRun, ref: string | undefined): Promise<string> {
  const name = await findRef(run, ref)
  if (name !== undefined) {
    await fetchName(run, name)
    return commitOf(run, wanted, ref ?? 'HEAD')
  }
  const commit = ref ?? ''
  if (!/^[0-9a-f]{4,64}$/i.test(commit)) throw refNotFound(run, commit)
  if (commit.length === 40 || commit.length === 64) {
    const fetched = await fetchName(run, commit.toLowerCase()).then(
      () => true,
      (error: unknown) => {
        run.signal.throwIfAborted()
        // Not every server gives out a commit by its id: then it is looked for in the whole history.
        if (error instanceof AppError && error.code !== 'git_refused') return false
        throw error
      },
    )
    if (fetched) return commitOf(run, wanted, commit)
  }
  await fetchAll(run)
  return commitOf(run, commit, commit)
}

/** The full name of a branch (first) or tag as the server has it; `HEAD` for the default branch. */
async function findRef(run: GitRun, ref: string | undefined): Promise<string | undefined> {
  const names = ref === undefined ? ['HEAD'] : [`refs/heads/${ref}`, `refs/tags/${ref}`, ref]
  const listed = await runGit(run, ['ls-remote', '--quiet', '--', run.remote.url, ...names])
  const present = new Set(listed.split('\n').map((line) => line.split('\t')[1]))
  const name = names.find((name) => present.has(name))
  if (name === undefined && ref === undefined) throw refNotFound(run, 'HEAD')
  return name
}

const fetchCommand = ['fetch', '--quiet', '--no-tags', '--no-recurse-submodules', '--no-auto-maintenance']

async function fetchName(run: GitRun, name: string): Promise<void> {
  const what = ['--', run.remote.url, `+${name}:${wanted}`]
  try {
    await runGit(run, [...fetchCommand, '--depth=1', ...what])
  } catch (error) {
    // A plain file server (git's "dumb" protocol) has only whole histories.
    if (!(error instanceof AppError) || !/shallow/.test(String(error.params['reason']))) throw error
    await runGit(run, [...fetchCommand, ...what])
  }
}

async function fetchAll(run: GitRun): Promise<void> {
  const everything = ['+refs/heads/*:refs/remotes/*', '+refs/tags/*:refs/tags/*']
  await runGit(run, [...fetchCommand, '--', run.remote.url, ...everything])
}

async function commitOf(run: GitRun, name: string, asked: string): Promise<string> {
  try {
    const id = await runGit(run, ['rev-parse', '--quiet', '--verify', '--end-of-options', `${name}^{commit}`])
    return id.trim()
  } catch (error) {
    run.signal.throwIfAborted()
    if (error instanceof AppError) throw refNotFound(run, asked)
    throw error
  }
}

function refNotFound(run: GitRun, ref: string): AppError {
  return new AppError('git_ref_not_found', { url: run.remote.shown, ref })
}

/** By way of a tar archive, so that what a repository may hold is judged in the same place as what is uploaded. */
async function unpackCommit(run: GitRun, commit: string, targetDir: string): Promise<TreeSummary> {
  const git = startGit(run, ['archive', '--format=tar', commit])
  try {
    const summary = await unpack(git.stdout, targetDir, {
      signal: run.signal,
      // Nothing was uploaded; what is unpacked has its bound.
      bounds: { uploadBytes: Number.POSITIVE_INFINITY },
      replace: true,
    })
    await git.ended
    return summary
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'bad_archive') throw error
    // Output that breaks off is only what is seen of a failure.
    if (git.stdout.readableEnded) await git.ended
    throw failed(run.remote, String(error.params['reason']))
  } finally {
    git.kill()
  }
}
