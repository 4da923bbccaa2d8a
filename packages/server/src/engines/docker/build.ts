import type Docker from 'dockerode'

import type { Clock } from '../../lib/clock.ts'
import { fullName, parseReference, registryOf } from '../../lib/image-reference.ts'
import { limits } from '../../lib/limits.ts'
import type { ImageBuild, ImageLogin, Resources } from '../engine.ts'
import { packContext } from './build-context.ts'
import { BuildLog } from './build-log.ts'
import { instanceLabel } from './container.ts'
import { type Daemon, isAway, statusOf, wordsOf } from './daemon.ts'
import { readMessages } from './daemon-messages.ts'
import { SetupFailure } from './exit.ts'
import { PullProgress } from './pull-progress.ts'

/** A build of one task. */
export interface BuildWish {
  /** What the image is called on this machine. */
  name: string
  build: ImageBuild
  /** The files that it is made of. */
  folder: string
  resources: Resources
  network: string
  instance: string
  /** How this machine reaches the network. */
  hostEnv: Record<string, string | undefined>
  login?: ImageLogin
}

export interface BuildParts {
  daemon: Daemon
  clock: Clock
  say(line: string): void
  signal: AbortSignal
}

const proxies = 'HTTP_PROXY HTTPS_PROXY NO_PROXY ALL_PROXY http_proxy https_proxy no_proxy all_proxy'.split(' ')

/**
 * Builds an image by the API that Docker (its classic builder) and Podman share, and tells in lines for a person how
 * that goes on. Layers that were built before are taken again. Throws SetupFailure, which says what step failed.
 */
export async function buildImage(wish: BuildWish, parts: BuildParts): Promise<void> {
  const { clock, say, signal } = parts
  const began = clock.steady()
  const log = new BuildLog(say)
  const silent = new AbortController()
  let cancel = () => {}
  const alive = () => {
    cancel()
    cancel = clock.after(limits.buildSilentMs, () => silent.abort())
  }
  const abortSignal = AbortSignal.any([signal, silent.signal])
  alive()
  try {
    const context = await packContext(wish.folder, wish.build.dockerfile)
    const docker = await parts.daemon.streams()
    const stream = await docker.buildImage(context, { ...optionsOf(wish), abortSignal })
    const progress = new PullProgress(clock, say)
    for await (const message of readMessages(stream, abortSignal)) {
      alive()
      if (message.stream !== undefined) log.take(message.stream)
      if (message.error !== undefined) throw new Error(message.error)
      progress.take(message)
    }
    log.end()
  } catch (error) {
    log.end()
    if (signal.aborted || error instanceof SetupFailure || isAway(error)) throw error
    if (silent.signal.aborted) throw new SetupFailure(silence(log), 'user')
    throw buildFailure(wish, log.step, wordsOf(error))
  } finally {
    cancel()
  }
  const seconds = ((clock.steady() - began) / 1000).toFixed(1)
  say(`Built in ${seconds} s: ${log.steps} steps, ${log.cached} of them taken from earlier builds`)
}

/** Sends an image that was built to a registry. The name by which it is sent is taken away again. */
export async function pushImage({ daemon, say, signal }: BuildParts, wish: BuildWish): Promise<void> {
  const reference = parseReference(wish.build.push ?? '')
  if ('reason' in reference) throw new SetupFailure(reference.reason, 'user')
  const name = fullName({ ...reference, tag: reference.tag ?? 'latest', digest: null })
  const { registry, repository, tag } = reference
  say(`Pushing ${name}`)
  try {
    const docker = await daemon.streams()
    await docker.getImage(wish.name).tag({ repo: `${registry}/${repository}`, tag: tag ?? 'latest' })
    const authconfig = { username: '', password: '', ...wish.login, serveraddress: registry }
    const stream = await docker.getImage(name).push({ authconfig, abortSignal: signal })
    for await (const message of readMessages(stream, signal)) {
      if (message.error !== undefined) throw new Error(message.error)
      if (message.status === 'Pushed' && message.id !== undefined) say(`Layer ${message.id}: sent`)
    }
  } catch (error) {
    if (signal.aborted || isAway(error)) throw error
    throw pushFailure(name, registry, wordsOf(error), wish.login !== undefined)
  } finally {
    await forgetName(daemon, name)
  }
  say(`Pushed ${name}`)
}

/** Takes a name away from an image, which stays under its others. */
export async function forgetName(daemon: Daemon, name: string): Promise<void> {
  try {
    await (await daemon.calls()).getImage(name).remove({ noprune: true })
  } catch (error) {
    if (statusOf(error) === undefined) throw error
  }
}

function optionsOf(wish: BuildWish): Docker.ImageBuildOptions {
  const { build, resources, hostEnv } = wish
  const args: Record<string, string> = { ...build.args }
  for (const name of proxies) {
    const value = hostEnv[name]
    if (value !== undefined && !(name in args)) args[name] = value
  }
  return {
    t: wish.name,
    dockerfile: build.dockerfile,
    buildargs: args,
    // Nothing of the task: what differs from build to build would be made anew each time.
    labels: { [instanceLabel]: wish.instance },
    rm: true,
    forcerm: true,
    memory: resources.memoryBytes,
    memswap: resources.memoryBytes,
    cpuperiod: cpuPeriodMicros,
    cpuquota: Math.floor(Math.max(0.01, resources.cpus) * cpuPeriodMicros),
    networkmode: wish.network,
    ...(build.target === undefined ? {} : { target: build.target }),
    registryconfig: loginsOf(build),
  }
}

const cpuPeriodMicros = 100_000

/** Docker Hub goes by an old name here: https://docs.docker.com/reference/api/engine/#tag/Image/operation/ImageBuild */
function loginsOf({ logins }: ImageBuild): Docker.RegistryConfig {
  return Object.fromEntries(
    Object.entries(logins).map(([host, login]) => [host === 'docker.io' ? 'https://index.docker.io/v1/' : host, login]),
  )
}

const silence = (log: BuildLog): string =>
  `The build wrote nothing for ${limits.buildSilentMs / 60_000} minutes, and was given up${log.step === null ? '' : ` at ${log.step}`}.`

function buildFailure(wish: BuildWish, step: string | null, words: string): SetupFailure {
  if (/no space left|disk quota/i.test(words)) {
    return new SetupFailure(`There is no room on the disk for what is being built: ${words}`, 'machine')
  }
  const where = step === null ? 'The image could not be built' : `The build failed at ${step}`
  const hosts = Object.keys(wish.build.logins)
  const needsLogin = /unauthorized|authentication required|denied/i.test(words)
  const known = hosts.length > 0 ? ` There are logins for ${hosts.join(', ')}.` : ''
  const hint = needsLogin ? ` Store a login with \`nabla registry create\`.${known}` : ''
  return new SetupFailure(`${where}: ${words.replace(/\.?$/, '.')}${hint}`, 'user')
}

function pushFailure(name: string, registry: string, words: string, hasLogin: boolean): SetupFailure {
  if (/unauthorized|authentication required|denied|incorrect username|no basic auth|forbidden/i.test(words)) {
    const reason = hasLogin
      ? `The registry ${registry} refused ${name}. Check user name and password, and that they may write there.`
      : `The registry ${registry} takes ${name} from nobody without a login. Store one with \`nabla registry create\`.`
    return new SetupFailure(reason, 'user')
  }
  if (/no such host|connection refused|timeout|timed out|no route|unreachable|EOF/i.test(words)) {
    return new SetupFailure(`The registry ${registry} cannot be reached from this machine: ${words}`, 'machine')
  }
  return new SetupFailure(`The image could not be sent to ${registryOf(name) ?? registry}: ${words}`, 'machine')
}
