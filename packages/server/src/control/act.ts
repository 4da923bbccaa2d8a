import { join } from 'node:path'
import type { ErrorCode } from '@nabla/api/errors'
import type { VolumeRow } from '../db/tables.ts'
import type { Deps } from '../deps.ts'
import type { Engine, Mount, TaskExit, TaskSpec } from '../engines/engine.ts'
import { plannedKinds } from '../kinds/index.ts'
import type { StartGift } from '../kinds/planned.ts'
import { programEnv } from '../kinds/run/program.ts'
import { resolveSecrets } from '../kinds/secret.ts'
import { AppError } from '../lib/app-error.ts'
import { limits } from '../lib/limits.ts'
import { imageParts } from './image-logins.ts'
import type { QuotaKeeper } from './quota.ts'
import { noteHidden } from '../tasks/hidden-values.ts'
import { removeGenerated, writeGenerated } from '../tasks/gang/generated.ts'
import { cutShort, type Gang, type Task } from '../tasks/task.ts'
import { fillVolume } from '../volumes/origin.ts'

/** Tasks that an engine call is under way for, and what came of calls that failed. Nothing of it need survive. */
export interface Acting {
  /** Being started. Not looked for in the engine's list meanwhile. */
  starting: Map<string, AbortController>
  /** Started by this process: its engine has them, or has lost them. */
  started: Set<string>
  /** Asked to stop by this process; asking once is enough. */
  stopping: Set<string>
  removing: Set<string>
  /** Tasks that could not be started, with the reason: observed as ended by the next pass. */
  failed: Map<string, { task: Task; exit: TaskExit }>
  /** Tasks whose start failed by no fault of the user's: how often, and when (steady) it is tried again. */
  retries: Map<string, { failures: number; notBefore: number }>
  /** Tasks whose engine holds nothing of them any more. */
  removed: Map<string, Task>
  /** Calls under way. They never reject; a server that stops waits for them, so that none works on behind it. */
  calls: Set<Promise<void>>
}

export const newActing = (): Acting => ({
  starting: new Map(),
  started: new Set(),
  stopping: new Set(),
  removing: new Set(),
  failed: new Map(),
  retries: new Map(),
  removed: new Map(),
  calls: new Set(),
})

/** Notes a call that is under way. */
export function track(acting: Acting, call: Promise<void>): void {
  acting.calls.add(call)
  void call.finally(() => acting.calls.delete(call))
}

/**
 * Makes the engine calls that bring tasks to where they should be: the only place that does. All calls run in the
 * background, a bounded number at a time; `settled` is called when one has come to something. Every call may be
 * repeated after a crash.
 *
 * @param tasks all that are placed, running, or ended and not removed
 */
export function act(
  deps: Deps,
  tasks: readonly Task[],
  acting: Acting,
  quotas: QuotaKeeper,
  settled: () => void,
): void {
  for (const task of tasks) {
    const engine = deps.engines.get(task.engine)
    if (!engine) continue
    if (task.state === 'ended') removeTask(deps, engine, task, acting, settled)
    else if (task.desired === 'stop') stopTask(deps, engine, task, acting, settled)
    else if (task.state === 'placed') startTask(deps, engine, task, acting, quotas, settled)
  }
}

function startTask(
  deps: Deps,
  engine: Engine,
  task: Task,
  acting: Acting,
  quotas: QuotaKeeper,
  settled: () => void,
): void {
  if (acting.starting.has(task.id) || acting.started.has(task.id) || acting.failed.has(task.id)) return
  if (acting.starting.size >= limits.startsAtOnce) return
  if (deps.clock.steady() < (acting.retries.get(task.id)?.notBefore ?? 0)) return
  const abort = new AbortController()
  acting.starting.set(task.id, abort)
  const call = start(deps, engine, task, quotas, abort.signal)
    .then(
      () => {
        acting.started.add(task.id)
        acting.retries.delete(task.id)
      },
      (error: unknown) => {
        const exit = abort.signal.aborted ? cutShort : exitOf(error)
        if (mayPass(error, exit) && retryStart(deps, task, error, acting, settled)) return
        acting.retries.delete(task.id)
        acting.failed.set(task.id, { task, exit })
      },
    )
    .finally(() => {
      acting.starting.delete(task.id)
      settled()
    })
  track(acting, call)
}

/** An engine may be down for a moment. Answers whether the start is tried again. */
function retryStart(deps: Deps, task: Task, error: unknown, acting: Acting, settled: () => void): boolean {
  const failures = (acting.retries.get(task.id)?.failures ?? 0) + 1
  deps.log.error({ err: error, subject: task.ownerId, failures }, 'could not start a task')
  if (failures >= limits.startTries) return false
  const delayMs = limits.startRetryMs * 2 ** (failures - 1)
  acting.retries.set(task.id, { failures, notBefore: deps.clock.steady() + delayMs })
  deps.clock.after(delayMs, settled)
  return true
}

async function start(deps: Deps, engine: Engine, task: Task, quotas: QuotaKeeper, signal: AbortSignal): Promise<void> {
  const spec = await toSpec(deps, task, signal)
  await withholdFull(deps, task, spec, quotas)
  signal.throwIfAborted()
  await deps.logs.follow(task.ownerId, task.attempt)
  // From here on it is not cut short: a task that may have been started is stopped by its engine.
  await engine.start(spec)
}

/** A storage that is full is read-only from the start, and the log says so. */
async function withholdFull(deps: Deps, task: Task, spec: TaskSpec, quotas: QuotaKeeper): Promise<void> {
  for (const [index, volume] of task.request.volumes.entries()) {
    const mount = spec.mounts[index]
    if (!mount || volume.mode !== 'rw' || !quotas.isFull(volume.volumeId)) continue
    mount.mode = 'ro'
    const text = `The storage of the team is full: ${mount.target} is read-only for this job. Free space, then run it again.`
    await deps.logs.note(task.ownerId, task.attempt, text)
  }
}

/** Turns what was asked for into what an engine needs: folders for volumes, values for secrets. */
async function toSpec(deps: Deps, task: Task, signal: AbortSignal): Promise<TaskSpec> {
  const { request } = task
  const names = Object.values(request.env).filter((value) => value.startsWith(secretPrefix))
  const secrets = await resolveSecrets(
    deps.db,
    deps.box,
    task.teamId,
    request.projectId,
    names.map((value) => value.slice(secretPrefix.length)),
  )
  await noteHidden(deps, task.ownerId, [...secrets.values()])
  const env = Object.entries(request.env).map(([name, value]) => {
    const secret = value.startsWith(secretPrefix) ? secrets.get(value.slice(secretPrefix.length)) : value
    if (secret === undefined) throw new AppError('unknown_secret', { name: value.slice(secretPrefix.length) })
    return [name, secret] as const
  })
  const gift = giftOf(deps, task)
  return {
    id: task.id,
    image: request.image,
    command: request.command,
    workingDir: request.workingDir,
    env: { ...(await programEnv(deps, task)), ...gift.env, ...Object.fromEntries(env) },
    mounts: [...(await toMounts(deps, task, signal)), ...(await gangMounts(deps, task)), ...(gift.mounts ?? [])],
    resources: { ...request.resources, gpus: task.gpus, pids: limits.taskPids },
    ...(request.requirements === null
      ? {}
      : { python: { requirements: request.requirements, cacheDir: join(deps.config.data, 'cache', task.teamId) } }),
    networkScope: request.gang?.id ?? request.projectId,
    ...(request.gang && { hostname: request.gang.hostname, hosts: request.gang.hosts, ...listensAt(request.gang) }),
    ports: request.ports,
    ...(await imageParts(deps, task)),
    outputDir: deps.logs.partDir(task.ownerId, task.attempt),
  }
}

function giftOf(deps: Deps, task: Task): StartGift {
  return plannedKinds.find(({ prefix }) => isOwnedBy(prefix, task))?.startWith?.(deps, task) ?? {}
}

/** The prefix of an id is followed by 16 characters. */
const isOwnedBy = (prefix: string, { ownerId }: Task): boolean =>
  ownerId.startsWith(prefix) && ownerId.length === prefix.length + 16

function listensAt({ listensAtHost, hosts, hostname }: Gang): Pick<TaskSpec, 'listenAddress'> {
  const address = hosts[hostname]
  return listensAtHost && address !== undefined ? { listenAddress: address } : {}
}

async function gangMounts({ config, box }: Deps, { id, request }: Task): Promise<Mount[]> {
  return request.gang ? [await writeGenerated(config.data, box, id, request.gang)] : []
}

const secretPrefix = 'secret:'

async function toMounts(deps: Deps, task: Task, signal: AbortSignal): Promise<Mount[]> {
  const ids = task.request.volumes.map((volume) => volume.volumeId)
  if (ids.length === 0) return []
  const rows = await deps.db
    .selectFrom('volumes')
    .selectAll()
    .where('id', 'in', ids)
    .where('teamId', '=', task.teamId)
    .where('deletedAt', 'is', null)
    .execute()
  const mounts: Mount[] = []
  for (const { volumeId, path, target, mode, aliases } of task.request.volumes) {
    const row = rows.find((row) => row.id === volumeId)
    if (!row) throw new AppError('not_found', { noun: 'volume', id: volumeId })
    const secret = async (name: string) => {
      const found = await resolveSecrets(deps.db, deps.box, task.teamId, task.request.projectId, [name])
      const value = found.get(name)
      if (value === undefined) throw new AppError('unknown_secret', { name })
      return value
    }
    const folder = await folderOf(deps, row, secret, signal)
    const source = path === undefined ? folder : join(folder, path)
    mounts.push({ source, target, mode, ...(aliases ? { aliases } : {}) })
  }
  return mounts
}

/** Where the files of a volume are, brought there if they are not yet. */
async function folderOf(
  deps: Deps,
  row: VolumeRow,
  secret: (name: string) => Promise<string>,
  signal: AbortSignal,
): Promise<string> {
  if (row.treeDigest !== null) return deps.trees.materialise(row.treeDigest, signal)
  if (row.origin === null) await deps.volumes.createVolume(row.id)
  else await fillVolume(deps, row, secret, signal)
  return deps.volumes.volumeDir(row.id)
}

function stopTask(deps: Deps, engine: Engine, task: Task, acting: Acting, settled: () => void): void {
  // One that is being started is not stopped half way: its preparation is cut short, or it is stopped once it runs.
  const starting = acting.starting.get(task.id)
  if (starting) {
    starting.abort()
    return
  }
  if (acting.stopping.has(task.id)) return
  acting.stopping.add(task.id)
  const call = engine
    .stop(task.id, task.stopGraceMs)
    .catch((error: unknown) => {
      acting.stopping.delete(task.id)
      deps.log.error({ err: error, subject: task.ownerId }, 'could not stop a task')
    })
    .finally(settled)
  track(acting, call)
}

function removeTask(deps: Deps, engine: Engine, task: Task, acting: Acting, settled: () => void): void {
  acting.stopping.delete(task.id)
  acting.started.delete(task.id)
  if (acting.removing.has(task.id) || acting.removed.has(task.id)) return
  acting.removing.add(task.id)
  const call = engine
    .remove(task.id)
    .then(() => (task.request.gang ? removeGenerated(deps.config.data, task.id) : undefined))
    .then(
      () => void acting.removed.set(task.id, task),
      (error: unknown) => deps.log.error({ err: error, subject: task.ownerId }, 'could not clean up after a task'),
    )
    .finally(() => {
      acting.removing.delete(task.id)
      settled()
    })
  track(acting, call)
}

/** What is no fault of the user's, though it can be named. */
const machineFaults: ReadonlySet<ErrorCode> = new Set(['store_unavailable', 'disk_full', 'damaged_chunk'])

/** What is the machine's fault may be over in a moment; a chunk that is damaged stays so. */
function mayPass(error: unknown, exit: TaskExit): boolean {
  return exit.blame === 'machine' && !(error instanceof AppError && error.code === 'damaged_chunk')
}

function exitOf(error: unknown): TaskExit {
  const known = error instanceof AppError
  const reason = known
    ? `${error.message} ${error.hint}`
    : 'The machine could not start it; the log of the server says why.'
  const blame = known && !machineFaults.has(error.code) ? 'user' : 'machine'
  return { cause: 'setup', code: null, blame, reason }
}
