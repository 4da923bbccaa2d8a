import { generateKeyPairSync } from 'node:crypto'
import { contract } from '@nabla/api'
import type { Client } from '@nabla/api/client'
import type { RouteShape } from '@nabla/api/route'
import { describe, expect, test, vi } from 'vitest'
import { inTransaction } from '../db/transaction.ts'
import { eachDatabase, type MakeDatabase } from '../testing/database.ts'
import { aCaller } from '../testing/fixtures.ts'
import { startTestServer, type TestServer } from '../testing/server.ts'
import { openSession } from './session/open.ts'

/** Ids and names of what another team has, by the parameter that would name it. */
type Foreign = Record<string, string[]>

const shapes = Object.entries(contract).flatMap(([noun, routes]) =>
  Object.entries(routes as Record<string, RouteShape>).map(([verb, shape]) => ({ route: `${noun}.${verb}`, shape })),
)

/** Parameters of queries that name nothing of anybody's. */
const plainQueries = new Set(
  'limit after before since text errors series from to points source tail seconds state tag name glob path recursive sha256 modifiedAt executable format offset depth dryRun force kind filter order x metric metrics columns actor type'.split(
    ' ',
  ),
)

/** Queries by which events are chosen and that need not be there: another team's give nothing. */
const filters = new Set(['event.list subject', 'event.stream subject'])

/** Names that the caller's own team gives, so that another team's are none of its business. */
const ownNames = new Map([
  ['dataset.commit dataset', 'a name that is not there makes the dataset in the own team'],
  ['model.commit model', 'a name that is not there makes the model in the own team'],
  ['secret.set name', 'the secret is made in the own team'],
  ['team.addMember user', 'a user that is there already is added by name'],
])

/** Bodies for routes that do not accept an empty one. */
const bodies: Record<string, object> = {
  'secret.set': { value: 'value' },
  'artifact.pack': { paths: ['file'] },
  'artifact.open': { path: 'file' },
  'job.update': { name: 'taken over' },
  'project.update': { name: 'taken over' },
  'dataset.update': { name: 'taken-over' },
  'dataset.tag': { version: '1' },
  'dataset.open': { path: 'file' },
  'dataset.pack': { paths: ['file'] },
  'model.update': { name: 'taken-over' },
  'model.updateVersion': { notes: 'taken over' },
  'model.setAlias': { version: '1' },
  'model.sign': { key: 'their-model-key', signature: 'AA==' },
  'model.setRule': { require: 'signed' },
  'model.open': { path: 'file' },
  'deployment.update': { name: 'taken over' },
  'deployment.replace': { command: 'true' },
  'deployment.scale': { instances: 2 },
  'deployment.send': { path: '/' },
  'model.pack': { paths: ['file'] },
  'team.update': { name: 'taken over' },
  'run.update': { name: 'taken over' },
  'run.openFile': { path: 'file' },
  'sweep.report': { step: 1, value: 1 },
  'registry.update': { name: 'taken over' },
  'notebook.update': { name: 'taken over' },
  'notebook.runAsJob': { path: 'a.ipynb' },
  'workflow.update': { name: 'taken over' },
}

/** What other routes have to be told in their query. */
const queries: Record<string, Record<string, string>> = {
  'artifact.get': { path: 'file' },
  'artifact.checksum': { path: 'file' },
  'workspace.get': { path: 'file' },
  'workspace.compare': { fromJob: 'mine' },
  'dataset.get': { path: 'file' },
  'dataset.compare': { from: '1' },
  'dataset.checksum': { path: 'file' },
  'model.get': { path: 'file' },
  'model.checksum': { path: 'file' },
  'run.history': { metric: 'loss' },
  'notebook.file': { path: 'file' },
  'notebook.document': { path: 'a.ipynb' },
  'run.getFile': { path: 'file' },
  'storage.appendUpload': { offset: '0' },
}

/** Every way to name something in the path or the query of a route. */
const namings = shapes.flatMap(({ route, shape }) => [
  ...Object.keys(shape.params?.shape ?? {}).map((name) => ({ route, shape, name, place: 'path' })),
  ...Object.keys(shape.query?.shape ?? {})
    .filter((name) => !plainQueries.has(name))
    .map((name) => ({ route, shape, name, place: 'query' })),
])

const closed = namings.filter(
  ({ route, name }) => !filters.has(`${route} ${name}`) && !ownNames.has(`${route} ${name}`),
)

test('the walk knows every parameter of the contract', () => {
  expect(namings.length).toBeGreaterThan(25)
  expect([...new Set(namings.map(({ name }) => name))].sort()).toEqual(
    'alias dataset deployment experiment fromDataset fromJob image instance job key model modelKey name notebook number port project reference registry run runs session share subject sweep tag team tensorboard upload user version workflow'.split(
      ' ',
    ),
  )
  const all = namings.map(({ route, name }) => `${route} ${name}`)
  expect([...filters, ...ownNames.keys()].filter((exception) => !all.includes(exception))).toEqual([])
})

eachDatabase((make) => {
  describe('what another team has', () => {
    test('cannot be reached by any route, whatever names it', async () => {
      const { server, mine, foreign, theirs } = await twoTeams(make)
      const before = await snapshot(theirs)
      const answers: string[] = []
      for (const naming of closed) {
        for (const value of foreign[naming.name] ?? []) {
          const answer = await call(server, mine.secret, naming, value, foreign)
          answers.push(`${naming.route} ${naming.name}=${value}: ${answer}`)
        }
      }
      expect(answers.length).toBeGreaterThan(closed.length)
      expect(answers.filter((answer) => !answer.endsWith(': 404 not_found'))).toEqual([])
      expect(await snapshot(theirs)).toEqual(before)
    })

    test('gives no events', async () => {
      const { foreign, client } = await twoTeams(make)
      for (const subject of Object.values(foreign).flat()) {
        expect(await client.event.list({ subject, after: 0 })).toEqual({ items: [], next: null })
      }
    })

    test('is in no list', async () => {
      const { foreign, client } = await twoTeams(make)
      const lists = [
        client.job.list({}),
        client.project.list({}),
        client.key.list({}),
        client.session.list({}),
        client.secret.list({}),
        client.registry.list({}),
        client.dataset.list({}),
        client.model.list({}),
        client.team.list({}),
        client.user.list({}),
        client.storage.list({}),
        client.event.list({ after: 0 }),
        client.experiment.list({}),
        client.notebook.list({}),
        client.deployment.list({}),
        client.tensorboard.list({}),
        client.workflow.list({}),
      ]
      const text = JSON.stringify(await Promise.all(lists))
      expect(
        Object.values(foreign)
          .flat()
          // A port or the number of a trial is nobody's name.
          .filter((name) => !/^\d+$/.test(name) && text.includes(name)),
      ).toEqual([])
    })

    test('cannot be used in a body', async () => {
      const { foreign, client, theirs } = await twoTeams(make)
      const [project] = foreign['project']!
      const { id: workspace } = await theirs.workspace.upload({ body: new Uint8Array(emptyTar) })
      const body = { command: 'run=1s', project: 'mine' }
      const refused = { status: 404, code: 'not_found' }
      await expect(
        client.job.create({ body: { ...body, workspace: { from: 'upload', id: workspace } } }),
      ).rejects.toMatchObject(refused)
      await expect(
        client.job.create({ body: { ...body, env: { A: `secret:${foreign['name']![0]}` } } }),
      ).rejects.toMatchObject({
        code: 'unknown_secret',
      })
      const asNotebook = { project: 'mine', start: false }
      const begun = { from: 'upload' as const, id: workspace }
      await expect(client.notebook.create({ body: { ...asNotebook, workspace: begun } })).rejects.toMatchObject(refused)
      await expect(client.notebook.create({ body: { ...asNotebook, project: project! } })).rejects.toMatchObject(
        refused,
      )
      await expect(
        client.notebook.create({ body: { ...asNotebook, fromJob: foreign['job']![0]! } }),
      ).rejects.toMatchObject(refused)
      for (const team of foreign['team']!) {
        await expect(client.key.create({ body: { name: 'theirs', team } })).rejects.toMatchObject(refused)
      }
      await expect(client.job.create({ body: { ...body, project: project! } })).rejects.toMatchObject(refused)
      const asked = { kind: 'single' as const, ...body, project: project! }
      await expect(client.experiment.create({ body: asked })).rejects.toMatchObject(refused)
      for (const job of foreign['job']!) {
        await expect(client.storage.copy({ body: { from: { job, path: '' }, to: 'theirs' } })).rejects.toMatchObject(
          refused,
        )
      }
      for (const [jobs, experiments] of [
        [foreign['job']!, []],
        [[], foreign['experiment']!],
      ] as const) {
        await expect(
          client.tensorboard.create({ body: { jobs: [...jobs], experiments: [...experiments] } }),
        ).rejects.toMatchObject(refused)
      }
      const [byId, byName] = foreign['dataset']!
      const from = (job: string) => ({ source: { from: 'job', job } as const })
      for (const job of foreign['job']!) {
        await expect(client.dataset.commit({ dataset: 'mine', body: from(job) })).rejects.toMatchObject(refused)
      }
      await expect(
        client.dataset.commit({ dataset: byId!, body: { source: { from: 'storage' } } }),
      ).rejects.toMatchObject(refused)
      await client.storage.put({ path: 'mine', body: 'mine' })
      await client.dataset.commit({ dataset: 'mine', body: { source: { from: 'storage', path: 'mine' } } })
      const compared = { dataset: 'mine', version: '1', from: '1' }
      await vi.waitFor(() => client.dataset.compare(compared), 15_000)
      for (const fromDataset of foreign['dataset']!) {
        await expect(client.dataset.compare({ ...compared, fromDataset })).rejects.toMatchObject(refused)
      }
      const { id: own } = await client.job.create({ body })
      for (const fromJob of foreign['job']!)
        await expect(client.workspace.compare({ job: own, fromJob })).rejects.toMatchObject(refused)
      for (const dataset of foreign['dataset']!)
        await expect(client.job.create({ body: { ...body, datasets: [{ dataset }] } })).rejects.toMatchObject(refused)
      const made = await client.dataset.commit({ dataset: byName!, body: { source: { from: 'storage' } } })
      expect(made.version).toBe(1)
      expect((await client.dataset.show({ dataset: byName! })).id).not.toBe(byId)
      for (const model of foreign['model']!) {
        await expect(client.job.create({ body: { ...body, models: [{ model }] } })).rejects.toMatchObject(refused)
      }
      for (const model of foreign['model']!) {
        await expect(client.deployment.create({ body: { model, project: 'mine' } })).rejects.toMatchObject(refused)
      }
      // A name is another matter: it makes a project of that name in the own team.
      const job = await client.job.create({ body: { ...body, project: 'their-project' } })
      expect(job.project.id).not.toBe(project)
      const clone = client.job.clone({ job: job.id, body: { project: project! } })
      await expect(clone).rejects.toMatchObject(refused)
      expect((await theirs.job.list({})).items).toHaveLength(1)
    })
  })
})

const emptyTar = Buffer.alloc(1024)

const aPublicKey = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }).toString()

interface Two {
  server: TestServer
  /** An admin of the first team. */
  mine: { secret: string }
  client: Client
  /** What the second team has, and its own client. */
  foreign: Foreign
  theirs: Client
}

async function twoTeams(make: MakeDatabase): Promise<Two> {
  const server = await startTestServer(make)
  const { db } = server.running().deps
  const [mine, other] = [await aCaller(db), await aCaller(db)]
  const theirs = server.clientFor(other.secret)
  const job = await theirs.job.create({
    body: { command: 'print=hello run=1s', project: 'their-project', name: 'their-job' },
  })
  await vi.waitFor(async () => {
    await server.running().deps.loop.idle()
    server.clock.advance(1000)
    expect((await theirs.job.show({ job: job.id })).state).toBe('succeeded')
  }, 15_000)
  await theirs.secret.set({ name: 'THEIR_SECRET', body: { value: 'value' } })
  const login = { host: 'ghcr.io', username: 'their-user', password: 'their-password' }
  const registry = await theirs.registry.create({ body: { name: 'their-registry', ...login } })
  await theirs.storage.put({ path: 'their-file', body: 'theirs' })
  const upload = await theirs.storage.beginUpload({ body: { path: 'their-upload', sizeBytes: 10 } })
  const key = await theirs.key.create({ body: { name: 'their-key' } })
  const version = await vi.waitFor(async () => {
    const { items } = await theirs.dataset.versions({ dataset: 'their-dataset' }).catch(() => ({ items: [] }))
    const body = { source: { from: 'storage', path: 'their-file' } as const, tags: ['their-tag'] }
    if (items.length === 0) await theirs.dataset.commit({ dataset: 'their-dataset', body })
    if (items[0]?.state !== 'ready') throw new Error('not ready yet')
    return items[0]
  }, 15_000)
  const dataset = await theirs.dataset.show({ dataset: 'their-dataset' })
  const model = await theirs.model.create({ body: { name: 'their-model', notes: 'their notes' } })
  const modelKey = await theirs.model.addKey({ body: { name: 'their-model-key', publicKey: aPublicKey } })
  const experiment = await theirs.experiment.create({
    body: { kind: 'single', command: 'true', project: 'their-project', name: 'their-experiment' },
  })
  const search = { space: { x: { type: 'int' as const, low: 0, high: 9 } }, objectives: [{ metric: 'loss' }] }
  const sweep = await theirs.experiment.create({
    body: { kind: 'sweep', project: 'their-project', name: 'their-sweep', start: true, search },
  })
  await server.running().deps.loop.idle()
  await theirs.sweep.ask({ sweep: sweep.id })
  const run = await theirs.run.create({ body: { project: 'their-project', name: 'their-run' } })
  const tensorboard = await theirs.tensorboard.create({ body: { name: 'their-tensorboard', jobs: [job.id] } })
  const workflow = await theirs.workflow.create({ body: { project: 'their-project', name: 'their-workflow' } })
  const deployment = await theirs.deployment.create({
    body: { project: 'their-project', name: 'their-deployment', command: 'run=9999s' },
  })
  const instance = await vi.waitFor(async () => {
    await server.running().deps.loop.idle()
    const { items } = await theirs.deployment.instances({ deployment: deployment.id })
    return items[0]!
  }, 15_000)
  const notebook = await theirs.notebook.create({
    body: { project: 'their-project', name: 'their-notebook', start: false },
  })
  const session = await inTransaction(db, (trx) =>
    openSession(trx, { ...other, agent: 'their-browser', address: '10.0.0.1' }, server.clock.now()),
  )
  const foreign: Foreign = {
    job: [job.id, job.name],
    project: [job.project.id, job.project.name],
    key: [key.id, key.name, other.keyId],
    team: [other.teamId, other.teamName],
    user: [other.userId, other.userName],
    name: ['THEIR_SECRET'],
    upload: [upload.id],
    registry: [registry.id, registry.name],
    session: [session.row.id],
    dataset: [dataset.id, dataset.name],
    fromDataset: [dataset.id, dataset.name],
    fromJob: [job.id, job.name],
    version: [version.id, 'their-tag'],
    tag: ['their-tag'],
    model: [model.id, model.name],
    run: [run.id],
    runs: [run.id],
    alias: ['their-alias'],
    modelKey: [modelKey.id, modelKey.name],
    experiment: [experiment.id, experiment.name],
    notebook: [notebook.id, notebook.name],
    sweep: [sweep.id, sweep.name],
    tensorboard: [tensorboard.id, tensorboard.name],
    workflow: [workflow.id, workflow.name],
    deployment: [deployment.id, deployment.name],
    instance: [instance.id, instance.name],
    number: ['0'],
    port: ['8080'],
    reference: [model.id, model.name, 'their-model:1', 'their-model@their-alias'],
  }
  return { server, mine, client: server.clientFor(mine.secret), foreign, theirs }
}

/** Calls a route with `value` for one of its parameters, and what the other team has for the others. */
async function call(
  server: TestServer,
  key: string,
  { route, shape, name, place }: (typeof namings)[number],
  value: string,
  foreign: Foreign,
): Promise<string> {
  const path = shape.path.replaceAll(/:(\w+)/g, (_, other: string) => {
    const text = place === 'path' && other === name ? value : (foreign[other]?.[0] ?? 'x')
    return encodeURIComponent(text)
  })
  const url = new URL(server.running().url + path)
  for (const [other, text] of Object.entries(queries[route] ?? {})) url.searchParams.set(other, text)
  if (place === 'query') url.searchParams.set(name, value)
  const headers: Record<string, string> = { authorization: `Bearer ${key}` }
  const init: RequestInit = { method: shape.method, headers }
  if (shape.body === 'bytes') {
    headers['content-type'] = 'application/octet-stream'
    init.body = 'x'
  } else if (shape.body !== undefined) {
    headers['content-type'] = 'application/json'
    init.body = JSON.stringify(bodies[route] ?? {})
  }
  const response = await fetch(url, init)
  if (response.ok) {
    await response.body?.cancel()
    return String(response.status)
  }
  const { error } = (await response.json()) as { error: { code: string } }
  return `${response.status} ${error.code}`
}

/** All that the other team would see of a change. */
async function snapshot(theirs: Client): Promise<unknown> {
  const [jobs, projects, secrets, registries, teams, users, files, datasets, models, versions, trials] =
    await Promise.all([
      theirs.job.list({}),
      theirs.project.list({}),
      theirs.secret.list({}),
      theirs.registry.list({}),
      theirs.team.list({}),
      theirs.user.list({}),
      theirs.storage.list({}),
      theirs.dataset.list({}),
      theirs.model.list({}),
      theirs.dataset.versions({ dataset: 'their-dataset' }),
      theirs.sweep.trials({ sweep: 'their-sweep' }),
    ])
  const keys = (await theirs.key.list({})).items.map(({ id, name }) => [id, name])
  return { jobs, projects, secrets, registries, teams, users, files, datasets, models, versions, trials, keys }
}
