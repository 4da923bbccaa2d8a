import { statfs } from 'node:fs/promises'
import { contract, version } from '@nabla/api'
import { buildOpenApi } from '@nabla/api/openapi'
import type { Finding } from '@nabla/api/server'
import type { Deps } from '../deps.ts'
import { AppError } from '../lib/app-error.ts'
import { limits } from '../lib/limits.ts'
import type { Handlers } from './kind.ts'
import { machineHandlers, toMachineUse } from './server/machine.ts'
import type { Page } from './server/page.ts'
import { queueHandlers } from './server/queue.ts'
import { referencePage } from './server/reference-page.ts'

export const serverHandlers: Handlers<'server'> = {
  ...machineHandlers,
  ...queueHandlers,

  live: () => ({ status: 'ok', version }),

  async ready(_request, deps) {
    const { ok, detail } = await readiness(deps)
    if (!ok) throw new AppError('busy', { detail })
    return { status: 'ready' }
  },

  async metrics(_request, deps) {
    await countStates(deps)
    deps.metrics.setMachine(await toMachineUse(deps, await deps.sampler.machine()))
    return { body: await deps.metrics.render(), contentType: 'text/plain; version=0.0.4; charset=utf-8' }
  },

  async doctor(_request, deps) {
    const [engines, database, disk, store] = await Promise.all([
      engineFindings(deps),
      checkDatabase(deps),
      checkDisk(deps),
      deps.store.check(),
    ])
    return { version, findings: [...engines, database, disk, ...store, describeTrees(deps), checkLoop(deps)] }
  },

  openapi() {
    openApiText ??= JSON.stringify(buildOpenApi(contract, version))
    return { body: openApiText, contentType: 'application/json; charset=utf-8' }
  },

  reference() {
    reference ??= referencePage(contract, buildOpenApi(contract, version))
    return pageResponse(reference)
  },
}

/** Both depend on the contract alone, so they are made once. */
let openApiText: string | undefined
let reference: Page | undefined

function pageResponse({ html, contentSecurityPolicy }: Page) {
  const headers = { 'content-security-policy': contentSecurityPolicy }
  return { body: html, contentType: 'text/html; charset=utf-8', headers }
}

/** Whether the server can take work: its database answers and its loop turns. Anyone may read what this says. */
async function readiness(deps: Deps): Promise<{ ok: boolean; detail: string }> {
  const database = await checkDatabase(deps)
  if (database.level !== 'ok') return { ok: false, detail: 'the database does not answer' }
  return { ok: deps.loop.health().ok, detail: 'the control loop does not turn' }
}

/** Numbers over all teams: nothing in them tells one from another. */
async function countStates({ db, metrics, loop }: Deps): Promise<void> {
  const jobs = await db
    .selectFrom('jobs')
    .select((query) => ['state', query.fn.countAll().as('count')])
    .where('deletedAt', 'is', null)
    .groupBy('state')
    .execute()
  const tasks = await db
    .selectFrom('tasks')
    .select((query) => ['state', query.fn.countAll().as('count')])
    .groupBy('state')
    .execute()
  metrics.jobs.reset()
  metrics.tasks.reset()
  for (const row of jobs) metrics.jobs.set({ state: row.state }, Number(row.count))
  for (const row of tasks) metrics.tasks.set({ state: row.state }, Number(row.count))
  metrics.queueLength.set(Number(tasks.find(({ state }) => state === 'queued')?.count ?? 0))
  const { passes, lastPassMs } = loop.figures()
  metrics.loopOk.set(loop.health().ok ? 1 : 0)
  metrics.loopPasses.set(passes)
  metrics.loopPassSeconds.set(lastPassMs / 1000)
}

async function engineFindings({ engines, log }: Deps): Promise<Finding[]> {
  const found = [...engines].map(async ([name, engine]): Promise<Finding[]> => {
    try {
      return await engine.doctor()
    } catch (error) {
      log.warn({ err: error, engine: name }, 'an engine could not be examined')
      const message = `The engine ${name} could not be examined.`
      return [{ level: 'problem', topic: name, message, hint: 'The log of the server says why.' }]
    }
  })
  return (await Promise.all(found)).flat()
}

async function checkDatabase({ db, config, log }: Deps): Promise<Finding> {
  const topic = 'database'
  const kind = config.database === 'sqlite' ? 'SQLite' : 'PostgreSQL'
  try {
    await db.selectFrom('leases').select('name').limit(1).execute()
    return { level: 'ok', topic, message: `${kind} answers.` }
  } catch (error) {
    log.warn({ err: error }, 'the database does not answer')
    return { level: 'problem', topic, message: `${kind} does not answer.`, hint: 'The log of the server says why.' }
  }
}

async function checkDisk({ config }: Deps): Promise<Finding> {
  const { bavail, bfree, blocks, bsize } = await statfs(config.data)
  // Without what is reserved for root, as the machine's own figures count it.
  const [free, whole] = [bavail * bsize, (blocks - bfree + bavail) * bsize]
  const topic = 'disk'
  const message = `${gigabytes(free)} of ${gigabytes(whole)} GB are free where the data is kept.`
  if (free >= limits.diskLowBytes) return { level: 'ok', topic, message }
  return { level: 'warning', topic, message, hint: 'Free space, or move the data folder to a larger disk.' }
}

function describeTrees({ trees, config }: Deps): Finding {
  const { trees: count, diskBytes } = trees.figures()
  const bound = `of ${gigabytes(config.treeCacheBytes)} GB that such may take`
  const message = `Files for jobs to start from: ${count} kept ready, ${gigabytes(diskBytes)} ${bound}.`
  return { level: 'ok', topic: 'ready files', message }
}

function checkLoop({ loop }: Deps): Finding {
  const { ok, detail } = loop.health()
  const topic = 'control loop'
  if (ok) return { level: 'ok', topic, message: 'It turns.' }
  return { level: 'problem', topic, message: `It does not turn: ${detail}.`, hint: 'The log of the server says why.' }
}

const gigabytes = (bytes: number): string => (bytes / 1e9).toFixed(1)
