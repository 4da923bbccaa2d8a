import { existsSync } from 'node:fs'

import type Docker from 'dockerode'

import { type Daemon, statusOf, wordsOf } from './daemon.ts'

/** Null when there is no such container. */
export async function inspectContainer(daemon: Daemon, name: string): Promise<Docker.ContainerInspectInfo | null> {
  try {
    return await (await daemon.calls()).getContainer(name).inspect()
  } catch (error) {
    if (statusOf(error) === 404) return null
    throw error
  }
}

/** One that does not run, not yet or not any more, is fine. */
export async function signalContainer(daemon: Daemon, name: string, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  try {
    await (await daemon.calls()).getContainer(name).kill({ signal })
  } catch (error) {
    if (statusOf(error) === undefined) throw error
  }
}

/**
 * Removes a container, running or not; one that is not there, or is being removed, is fine. `hasExited`: it is known not to
 * run any more, which saves a call.
 */
export async function removeContainer(daemon: Daemon, name: string, hasExited = false): Promise<void> {
  const container = (await daemon.calls()).getContainer(name)
  // Podman would first ask it to stop and wait for that.
  if (!hasExited) await container.kill({ signal: 'SIGKILL' }).catch(() => {})
  try {
    await container.remove({ force: true, v: true })
  } catch (error) {
    const isUnderWay = statusOf(error) === 409 && /already in progress/.test(wordsOf(error))
    if (isUnderWay) await container.wait({ condition: 'removed' }).catch(() => {})
    else if (statusOf(error) !== 404) throw error
  }
}

/**
 * Ends a container that the daemon could not start because it runs, and answers whether there was one. A Podman that was
 * killed between having it started and writing that down takes it for one that was only made: it would hand on no signal,
 * and forget how it ended.
 */
export async function endUnseen(daemon: Daemon, name: string): Promise<boolean> {
  const pid = (await inspectContainer(daemon, name))?.State.Pid ?? 0
  if (pid === 0 || !existsSync(`/proc/${pid}`)) return false
  await (await daemon.calls()).getContainer(name).stop({ t: 0 })
  return true
}
