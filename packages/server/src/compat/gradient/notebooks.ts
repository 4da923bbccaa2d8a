import type { Notebook, NotebookState, NotebookSummary } from '@nabla/api/notebook'
import { z } from 'zod'
import { AppError } from '../../lib/app-error.ts'
import { clusterId } from './clusters.ts'
import { anything, decodeCommand, inside, jsonIn, listOf, nameOf, optional, variablesOf, yes } from './fields.ts'
import { without } from './job-create.ts'
import { imageFor } from '../../kinds/image-names.ts'
import { machineTypeFor } from '../../kinds/machine-names.ts'
import { metricsAddress } from './metrics-address.ts'
import { allPages } from './pages.ts'
import { type Exchange, gradientBytes, gradientRoute } from './route.ts'
import { ticketFor, writeTicket } from './ticket.ts'
import { workspaceAt } from './workspaces.ts'

const created = z.object({
  machineType: optional,
  container: optional,
  projectId: optional,
  name: optional,
  registryUsername: optional,
  registryPassword: optional,
  command: optional,
  shutdownTimeout: optional,
  environment: z.unknown().optional(),
  workspace: optional,
  workspaceRef: optional,
  workspaceUsername: optional,
  workspacePassword: optional,
})

const byId = z.object({ notebookId: z.string() })
const started = byId.extend({ machineType: optional, shutdownTimeout: optional })
const listed = byId.extend({ files: optional, size: yes, links: yes })

export const notebookRoutes = [
  ...gradientRoute('POST', '/notebooks/v2/createNotebook', created, create),
  ...gradientRoute('POST', '/notebooks/v2/startNotebook', started, start),
  ...gradientRoute('POST', '/notebooks/v2/stopNotebook', byId, async ({ call, input }) => {
    await call('notebook', 'stop', { notebook: input.notebookId, body: {} })
    return {}
  }),
  ...gradientRoute('POST', '/notebooks/v2/deleteNotebook', byId, async ({ call, input }) => {
    await call('notebook', 'delete', { notebook: input.notebookId, force: true })
    return {}
  }),
  ...gradientRoute(
    'POST',
    '/notebooks/v2/forkNotebook',
    byId.extend({ projectId: optional }),
    async ({ call, input }) => {
      const body = { project: input.projectId }
      return { handle: (await call('notebook', 'fork', { notebook: input.notebookId, body })).id }
    },
  ),
  ...gradientRoute('GET', '/notebooks/getNotebook', byId, async (exchange) => {
    const found = await exchange.call('notebook', 'show', { notebook: exchange.input.notebookId })
    return { ...toNotebook(found), token: await tokenOf(exchange, found), metricsURL: await metricsAddress(exchange) }
  }),
  ...gradientRoute('GET', '/notebooks/getNotebooks', anything, list),
  ...gradientRoute('GET', '/notebooks/artifactsList', listed, listFiles),
  ...gradientBytes({ method: 'GET', path: '/notebook/:ticket', input: z.unknown() }, async (exchange) => {
    const { call, deps, params, headers } = exchange
    const { notebook, path } = ticketFor(deps, params, 'notebook-file')
    return { file: await call('notebook', 'file', { notebook, path, headers: headers as Record<string, string> }) }
  }),
]

async function create(exchange: Exchange<z.output<typeof created>>) {
  const { call, deps, input } = exchange
  if (input.projectId === undefined) throw new AppError('invalid', { detail: 'A notebook needs a project.' })
  const { workspace: url, workspaceRef: ref, workspaceUsername: username, workspacePassword: password } = input
  const { registryUsername, registryPassword } = input
  const machineType = machineTypeFor(deps, input.machineType)
  const image = imageFor(deps, input.container, machineType)
  const login =
    registryUsername === undefined || registryPassword === undefined || image === 'host'
      ? undefined
      : { username: registryUsername, password: registryPassword }
  const { id } = await call('notebook', 'create', {
    body: {
      project: input.projectId,
      image,
      env: variablesOf(input.environment),
      workspace: await workspaceAt(exchange, { url, ref, username, password }),
      ...without({
        machineType,
        name: nameOf(input.name),
        // Commands of images start their own Jupyter; the machine itself has ours.
        command: image === 'host' || input.command === undefined ? undefined : decodeCommand(input.command),
        timeLimitSeconds: secondsOf(input.shutdownTimeout),
        registryLogin: login,
      }),
    },
  })
  return { handle: id }
}

async function start({ call, deps, input }: Exchange<z.output<typeof started>>) {
  const notebook = input.notebookId
  const timeLimitSeconds = secondsOf(input.shutdownTimeout)
  if (timeLimitSeconds !== undefined) await call('notebook', 'update', { notebook, body: { timeLimitSeconds } })
  const body = without({ machineType: machineTypeFor(deps, input.machineType) })
  return { handle: (await call('notebook', 'start', { notebook, body })).id }
}

/** From hours, after which a notebook is stopped whether it is used or not. Throws AppError `invalid`. */
function secondsOf(hours: string | undefined): number | undefined {
  if (hours === undefined) return undefined
  const seconds = Math.round(Number(hours) * 3600)
  if (Number.isSafeInteger(seconds) && seconds >= 60) return seconds
  throw new AppError('invalid', { detail: `${hours.slice(0, 20)} is no number of hours.` })
}

/** All that match, a page of them, and how many there are: without that number the clients fall over. */
async function list(exchange: Exchange<Record<string, unknown>>) {
  const { call, input } = exchange
  const filter = jsonIn(input, 'filter')
  const number = (name: string) => Number(inside(filter, 'filter', name) ?? inside(filter, name) ?? Number.NaN)
  const tags = listOf(input, 'tagFilter')
  const all = await allPages((page) => call('notebook', 'list', page))
  const found = all.filter((one) => tags.every((tag) => one.tags.includes(tag)))
  const offset = number('offset') || 0
  const page = found.slice(offset, offset + (number('limit') || found.length))
  return {
    notebookList: page.map(toNotebook),
    total: found.length,
    displayTotal: found.length,
    runningTotal: found.filter(({ state }) => state === 'running').length,
    freeTierRunningTotal: 0,
  }
}

async function listFiles({ call, caller, deps, input, origins }: Exchange<z.output<typeof listed>>) {
  const notebook = input.notebookId
  const found = await allPages((page) => call('notebook', 'files', { notebook, recursive: true, ...page }), 1000)
  const wanted = input.files?.replace(/\*+$/, '') ?? ''
  return found
    .filter(({ type, path }) => type === 'file' && path.startsWith(wanted))
    .map(({ path, sizeBytes }) => ({
      file: path,
      ...(input.size ? { size: sizeBytes } : {}),
      ...(input.links
        ? {
            url: `${origins.own}/gradient/notebook/${writeTicket(deps, caller, { for: 'notebook-file', notebook, path })}`,
          }
        : {}),
    }))
}

/** What other clients of Jupyter show; null where there is no way there. */
async function tokenOf({ call }: Exchange, { id, state }: Notebook): Promise<string | null> {
  if (state !== 'running' && state !== 'provisioning') return null
  try {
    return (await call('notebook', 'open', { notebook: id, body: {} })).token
  } catch (error) {
    if (error instanceof AppError && error.code === 'no_served_origin') return null
    throw error
  }
}

const states: Record<NotebookState, string> = {
  pending: 'Pending',
  provisioning: 'Provisioned',
  running: 'Running',
  stopping: 'Stopping',
  stopped: 'Stopped',
  error: 'Error',
}

function toNotebook(one: Notebook | NotebookSummary) {
  const spec = 'spec' in one ? one.spec : undefined
  return {
    handle: one.id,
    id: one.id,
    name: one.name,
    project: one.project.name,
    projectHandle: one.project.id,
    state: states[one.state],
    vmType: one.machineType,
    fqdn: one.address === null ? null : new URL(one.address).host,
    // It stands in the link that is printed, before the word notebook and the project.
    namespace: `notebooks/${one.id}`,
    jobHandle: one.id,
    jobError: one.reason,
    container: spec?.image,
    environment: spec?.env,
    shutdownTimeout: spec?.timeLimitSeconds ? spec.timeLimitSeconds / 3600 : null,
    cluster: 'nabla',
    clusterId,
    isPublic: false,
    isPreemptible: false,
    tags: one.tags,
    dtCreated: one.createdAt,
    dtModified: one.endedAt ?? one.startedAt ?? one.createdAt,
    dtStarted: one.startedAt,
    dtFinished: one.endedAt,
    dtDeleted: null,
  }
}
