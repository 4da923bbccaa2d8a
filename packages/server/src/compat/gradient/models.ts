import type { Model } from '@nabla/api/model'
import { z } from 'zod'
import { AppError } from '../../lib/app-error.ts'
import { datasetReference } from './dataset-names.ts'
import { anything, inside, modelNameOf, optional, textInside, yes } from './fields.ts'
import { rememberType, takeModelFile } from './model-upload.ts'
import { unwrapped } from './multipart.ts'
import { allPages } from './pages.ts'
import { type Exchange, gradientBytes, gradientRoute } from './route.ts'
import { ticketFor, writeTicket } from './ticket.ts'

const created = z.object({
  name: optional,
  modelType: optional,
  datasetRef: optional,
  summary: optional,
  notes: optional,
  projectId: optional,
})

const byId = z.object({ id: z.string(), links: yes, size: yes })

export const modelRoutes = [
  ...gradientRoute('GET', '/mlModels/getModelList', anything, list),
  ...gradientRoute('POST', '/mlModels/createModelV2', created, create),
  ...gradientRoute('POST', '/mlModels/deleteModel', byId, async ({ call, input }) => {
    await call('model', 'delete', { model: input.id })
    return {}
  }),
  ...gradientRoute(
    'GET',
    '/mlModels/getPresignedModelUrl',
    z.object({ fileName: z.string(), modelHandle: z.string() }),
    async ({ call, caller, deps, input, origins }) => {
      const { id } = await call('model', 'show', { model: input.modelHandle })
      const ticket = writeTicket(deps, caller, { for: 'model-upload', model: id, fileName: input.fileName })
      return `${origins.own}/gradient/model/${ticket}`
    },
  ),
  ...gradientBytes({ method: 'PUT', path: '/model/:ticket', bytes: true, input: z.unknown() }, async (exchange) => {
    const { deps, params, upload } = exchange
    const ticket = ticketFor(deps, params, 'model-upload')
    // The body is a form, whatever its type says.
    await takeModelFile(exchange, ticket, await unwrapped(upload))
    return { json: {} }
  }),
  ...gradientRoute('GET', '/mlModels/listFiles', byId, listFiles),
  ...gradientBytes({ method: 'GET', path: '/model/:ticket', input: z.unknown() }, async (exchange) => {
    const { call, deps, params, headers } = exchange
    const { model, version, path } = ticketFor(deps, params, 'model-file')
    return { file: await call('model', 'get', { model, version, path, headers: headers as Record<string, string> }) }
  }),
]

async function list(exchange: Exchange<Record<string, unknown>>) {
  const { call, input } = exchange
  const and = inside(input, 'filter', 'where', 'and')
  const where: unknown = Object.assign({}, ...(Array.isArray(and) ? (and as object[]) : []))
  const id = textInside(where, 'id')
  if (id !== undefined) return answer(await oneModel(exchange, id))
  const project = textInside(where, 'projectId')
  const experiment = textInside(where, 'experimentId')
  const tags = [input['tagFilter'] ?? []].flat().map(String)
  const found = await allPages((page) =>
    call('model', 'list', { ...page, ...(project === undefined ? {} : { project }) }),
  )
  const jobs = experiment === undefined ? undefined : await jobsOf(exchange, experiment)
  return answer(
    found
      .filter((model) => tags.every((tag) => model.tags.includes(tag)))
      .filter(({ latest }) => jobs === undefined || jobs.has(latest?.lineage.job?.id ?? '')),
  )
}

const answer = (models: readonly Model[]) => ({
  modelList: models.map(toModel),
  total: models.length,
  displayTotal: models.length,
})

/** None where there is none: that is how the clients know. */
async function oneModel({ call }: Exchange, model: string): Promise<Model[]> {
  try {
    return [await call('model', 'show', { model })]
  } catch (error) {
    if (error instanceof AppError && error.code === 'not_found') return []
    throw error
  }
}

async function jobsOf({ call }: Exchange, experiment: string): Promise<Set<string>> {
  const { jobs } = await call('experiment', 'show', { experiment })
  return new Set(jobs.map(({ id }) => id))
}

/** A model, with the files of a version of a dataset if one is named; else they are sent afterwards. */
async function create(exchange: Exchange<z.output<typeof created>>) {
  const { call, input } = exchange
  const notes = [input.notes, summaryText(input.summary)].filter((text) => text !== undefined).join('\n\n')
  const { id } = await makeModel(exchange, modelNameOf(input.name ?? 'model'), { project: input.projectId, notes })
  if (input.datasetRef !== undefined) {
    try {
      const [dataset = '', version = 'latest'] = (await datasetReference(exchange, input.datasetRef)).split(':')
      const { digest } = await call('dataset', 'version', { dataset, version })
      if (digest === null)
        throw new AppError('conflict', { detail: `The dataset ${input.datasetRef} is not ready yet.` })
      const body = { source: { from: 'tree' as const, digest }, type: input.modelType }
      await call('model', 'commit', { model: id, body })
    } catch (error) {
      await call('model', 'delete', { model: id })
      throw error
    }
  } else if (input.modelType !== undefined) rememberType(id, input.modelType)
  return { id }
}

/** Names are unique here and were not in Gradient: one that is taken gets a number. */
async function makeModel({ call }: Exchange, name: string, more: { project: string | undefined; notes: string }) {
  for (let number = 1; ; number += 1) {
    const own = number === 1 ? name : `${name.slice(0, 94)}-${number}`
    try {
      return await call('model', 'create', { body: { name: own, ...more } })
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'name_taken' || number === 100) throw error
    }
  }
}

const summaryText = (summary: string | undefined): string | undefined =>
  summary === undefined ? undefined : `\`\`\`json\n${summary}\n\`\`\``

async function listFiles({ call, caller, deps, input, origins }: Exchange<z.output<typeof byId>>) {
  const { id, latest } = await call('model', 'show', { model: input.id })
  if (latest === null) return []
  const version = String(latest.version)
  const items = await allPages((page) => call('model', 'files', { model: id, version, recursive: true, ...page }), 1000)
  return items
    .filter(({ type }) => type === 'file')
    .map(({ path, sizeBytes }) => ({
      file: path,
      ...(input.size ? { size: sizeBytes } : {}),
      ...(input.links
        ? {
            url: `${origins.own}/gradient/model/${writeTicket(deps, caller, { for: 'model-file', model: id, version, path })}`,
          }
        : {}),
    }))
}

function toModel({ id, name, project, notes, tags, latest, createdAt, updatedAt }: Model) {
  return {
    id,
    name,
    projectId: project?.id ?? latest?.lineage.project?.id ?? null,
    experimentId: null,
    modelType: latest?.type ?? 'Custom',
    url: latest === null ? null : `s3://nabla/models/${id}/${latest.version}`,
    modelPath: null,
    deploymentState: 'Stopped',
    summary: Object.fromEntries((latest?.metrics ?? []).map((metric) => [metric.name, metric.value])),
    detail: null,
    notes: notes === '' ? null : notes,
    tags,
    datasetRef: null,
    isDeleted: false,
    isPublic: false,
    dtCreated: createdAt,
    dtModified: updatedAt,
    dtUploaded: latest?.createdAt ?? null,
    dtDeleted: null,
  }
}
