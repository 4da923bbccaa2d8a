import { mkdirSync, truncateSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Notebook, notebookLimits, notebookPort, type NotebookState } from '@nabla/api/notebook'
import { createClient } from '@nabla/api/client'
import { describe, expect, test, vi } from 'vitest'
import { makeTar } from '../volumes/archive-bytes.ts'
import { eachDatabase, type MakeDatabase } from '../testing/database.ts'
import { listens } from '../testing/served.ts'
import { startTestServer, type TestServer } from '../testing/server.ts'

/** A server whose notebooks are answered for by a stand-in, which is told what it was asked with. */
async function startWithJupyter(make: MakeDatabase): Promise<TestServer & { tokens: Set<string> }> {
  const server = await startTestServer(make)
  const tokens = new Set<string>()
  const { port } = await listens((request, response) => {
    tokens.add(String(request.headers.authorization))
    response.setHeader('content-type', 'application/json')
    response.end(request.url?.startsWith('/api/') ? '[]' : '{}')
  })
  server.fake.portOf.set(notebookPort, port)
  return Object.assign(server, { tokens })
}

const body = { project: 'demo', env: { FAKE: 'run=1000000s' } }

async function untilState(server: TestServer, notebook: string, state: NotebookState, stepMs = 500): Promise<Notebook> {
  return vi.waitFor(
    async () => {
      await server.running().deps.loop.idle()
      const found = await server.client.notebook.show({ notebook })
      if (found.state === state) return found
      server.clock.advance(stepMs)
      throw new Error(`notebook ${notebook} is ${found.state}, not ${state}: ${found.reason}`)
    },
    { timeout: 20_000, interval: 5 },
  )
}

/** Its folder of files, or of its environment, on this machine. */
async function folderOf(server: TestServer, { id }: Notebook, which: 'filesId' | 'environmentId'): Promise<string> {
  const { db, volumes } = server.running().deps
  const row = await db.selectFrom('notebooks').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
  await volumes.createVolume(row[which])
  return volumes.volumeDir(row[which])
}

async function put(server: TestServer, notebook: Notebook, path: string, text: string): Promise<void> {
  const file = join(await folderOf(server, notebook, 'filesId'), path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
}

/** Stops it, and waits until its files have been saved. */
async function stopAndSave(server: TestServer, notebook: Notebook): Promise<Notebook> {
  await server.client.notebook.stop({ notebook: notebook.id, body: {} })
  await untilState(server, notebook.id, 'stopped')
  return vi.waitFor(
    async () => {
      await server.running().deps.loop.idle()
      const found = await server.client.notebook.show({ notebook: notebook.id })
      if (found.savedVersion === found.session) return found
      server.clock.advance(500)
      throw new Error('its files are not saved yet')
    },
    { timeout: 20_000, interval: 5 },
  )
}

/** As pip leaves a package behind. */
async function install(server: TestServer, notebook: Notebook, name: string, version: string, url?: string) {
  const layer = join(await folderOf(server, notebook, 'environmentId'), 'layer/lib/python3.12/site-packages')
  const info = join(layer, `${name}-${version}.dist-info`)
  mkdirSync(info, { recursive: true })
  writeFileSync(join(info, 'REQUESTED'), '')
  if (url !== undefined) writeFileSync(join(info, 'direct_url.json'), JSON.stringify({ url }))
}

const aNotebookFile = JSON.stringify({
  cells: [
    {
      cell_type: 'code',
      metadata: { tags: ['parameters'] },
      source: ['a = 1  # one\n', 'b: str = "x#y"'],
      outputs: [],
    },
    { cell_type: 'markdown', metadata: {}, source: '# Hello' },
    {
      cell_type: 'code',
      execution_count: 2,
      metadata: {},
      source: 'print(a)',
      outputs: [
        { output_type: 'stream', name: 'stdout', text: ['1\n'] },
        { output_type: 'display_data', data: { 'text/html': '<script>x</script>', 'image/png': 'AA==' }, metadata: {} },
        { output_type: 'error', ename: 'E', evalue: 'v', traceback: ['one', 'two'] },
        'no output at all',
      ],
    },
    { cell_type: 'code', source: 7, outputs: { no: 'list' } },
  ],
  metadata: { kernelspec: { display_name: 'Python 3', name: 'python3' }, language_info: { name: 'python' } },
  nbformat: 4,
  nbformat_minor: 5,
})

eachDatabase((make) => {
  describe('a notebook', () => {
    test('runs once its Jupyter answers to its token, stops, and starts again', async () => {
      const server = await startWithJupyter(make)
      const made = await server.client.notebook.create({ body: { ...body, name: 'digits', tags: ['a'] } })
      expect(made).toMatchObject({ state: 'pending', session: 1, tags: ['a'], address: expect.any(String) })
      const running = await untilState(server, made.id, 'running')
      expect(running.phases.map(({ name }) => name)).toEqual(['queue', 'files', 'jupyter', 'ready'])
      expect([...server.tokens][0]).toMatch(/^token [0-9a-f]{64}$/)
      const [spec] = server.fake.specs
      expect(spec?.mounts.map(({ target }) => target)).toEqual([
        '/notebooks',
        '/opt/notebook',
        '/storage',
        '/generated',
      ])
      expect(spec?.listenAddress).toMatch(/^127\.\d+\.\d+\.\d+$/)
      const stopped = await stopAndSave(server, made)
      expect(stopped).toMatchObject({ reason: 'It was stopped by hand.', session: 1, savedVersion: 1 })
      const again = await server.client.notebook.start({ notebook: 'digits', body: { machineType: 'C4' } })
      expect(again).toMatchObject({ session: 2, machineType: 'C4', reason: null, readyAt: null })
      expect((await untilState(server, made.id, 'running')).address).toBe(made.address)
    })

    test('is started once when two ask at a time, and refuses another machine type meanwhile', async () => {
      const server = await startWithJupyter(make)
      const { id } = await server.client.notebook.create({ body: { ...body, start: false } })
      expect(await server.client.notebook.show({ notebook: id })).toMatchObject({ state: 'stopped', session: 0 })
      const start = (more = {}) => server.client.notebook.start({ notebook: id, body: more })
      const both = await Promise.all([start(), start()])
      expect(both.map(({ session }) => session)).toEqual([1, 1])
      await expect(start({ machineType: 'C4' })).rejects.toMatchObject({ code: 'conflict' })
      await untilState(server, id, 'running')
      expect(server.fake.specs).toHaveLength(1)
    })

    test('has a name that no other of its project has', async () => {
      const server = await startTestServer(make)
      const create = (name: string, project = 'demo') =>
        server.client.notebook.create({ body: { project, name, start: false } })
      const first = await create('one')
      const second = await create('two')
      await expect(create('one')).rejects.toMatchObject({ code: 'name_taken' })
      await create('one', 'other')
      const rename = (notebook: string, name: string) => server.client.notebook.update({ notebook, body: { name } })
      await expect(rename(second.id, 'one')).rejects.toMatchObject({ code: 'name_taken' })
      await server.client.notebook.delete({ notebook: first.id })
      expect((await rename(second.id, 'one')).name).toBe('one')
    })

    test('of an image without Jupyter, and one that never answers, say so', async () => {
      const server = await startTestServer(make)
      server.fake.portOf.set(notebookPort, 9)
      const create = (name: string, fake: string) =>
        server.client.notebook.create({ body: { ...body, name, env: { FAKE: fake } } })
      await create('without', 'run=1s exit=97')
      expect((await untilState(server, 'without', 'error')).reason).toMatch(/no Jupyter in its image/)
      await create('silent', 'run=1000000s')
      await untilState(server, 'silent', 'provisioning')
      const silent = await server.client.notebook.show({ notebook: 'silent' })
      writeFileSync(join(await folderOf(server, silent, 'environmentId'), 'starting'), '1')
      server.clock.advance(1000)
      expect((await untilState(server, 'silent', 'error', 20_000)).reason).toMatch(/did not answer within 120 s/)
    })

    test('refuses what does not go together', async () => {
      const server = await startTestServer(make)
      const create = (more: object) => server.client.notebook.create({ body: { ...body, ...more } })
      const unknown = create({ env: { A: 'secret:NOPE' } })
      await expect(unknown).rejects.toMatchObject({ code: 'unknown_secret' })
      await expect(create({ machineType: 'X99' })).rejects.toMatchObject({ code: 'unknown_machine_type' })
      await expect(create({ packages: ['-e .'] })).rejects.toMatchObject({ code: 'invalid' })
      await expect(create({ user: 'me' })).rejects.toMatchObject({ code: 'invalid' })
      const both = create({ fromJob: 'a', workspace: { from: 'git', url: 'https://example.org/x' } })
      await expect(both).rejects.toMatchObject({ code: 'invalid' })
      await expect(create({ fromJob: 'nope' })).rejects.toMatchObject({ code: 'not_found' })
    })

    test('goes with its project', async () => {
      const server = await startWithJupyter(make)
      const { id } = await server.client.notebook.create({ body })
      await untilState(server, id, 'running')
      await server.client.project.delete({ project: 'demo' })
      await expect(server.client.notebook.show({ notebook: id })).rejects.toMatchObject({ code: 'not_found' })
      await vi.waitFor(async () => {
        await server.running().deps.loop.idle()
        server.clock.advance(30_000)
        expect(await server.running().deps.db.selectFrom('notebooks').select('id').execute()).toEqual([])
        expect(server.fake.specs).toEqual([])
      }, 15_000)
    })
  })

  describe('the files of a notebook', () => {
    test('are a version for each session, which can be compared and forked', async () => {
      const server = await startWithJupyter(make)
      const made = await server.client.notebook.create({ body: { ...body, name: 'files', packages: ['NumPy'] } })
      await untilState(server, made.id, 'running')
      await put(server, made, 'same.txt', 'same')
      await put(server, made, 'a.txt', 'one')
      await install(server, made, 'numpy', '2.1.0')
      await stopAndSave(server, made)
      await server.client.notebook.start({ notebook: made.id, body: {} })
      await untilState(server, made.id, 'running')
      await put(server, made, 'a.txt', 'another')
      await put(server, made, 'b.txt', 'new')
      await stopAndSave(server, made)
      const { items } = await server.client.notebook.versions({ notebook: 'files' })
      expect(items.map(({ version, state, files }) => [version, state, files])).toEqual([
        [2, 'ready', 3],
        [1, 'ready', 2],
      ])
      expect(items[0]?.packages).toEqual(['numpy==2.1.0'])
      const compared = await server.client.notebook.compare({ notebook: 'files', number: 2 })
      expect(compared).toEqual({
        from: 1,
        complete: true,
        items: [
          { path: 'a.txt', change: 'changed', sizeBytes: 7, sizeBytesBefore: 3 },
          { path: 'b.txt', change: 'added', sizeBytes: 3, sizeBytesBefore: null },
        ],
      })
      const back = await server.client.notebook.compare({ notebook: 'files', number: 1, from: '2' })
      expect(back.items.map(({ change }) => change)).toEqual(['changed', 'removed'])
      const pathsOf = async (notebook: string, version?: string) => {
        const page = await server.client.notebook.files({ notebook, ...(version && { version }) })
        return page.items.map(({ path }) => path)
      }
      expect(await pathsOf('files')).toEqual(['a.txt', 'b.txt', 'same.txt'])
      expect(await pathsOf('files', '1')).toEqual(['a.txt', 'same.txt'])
      await expect(pathsOf('files', '9')).rejects.toMatchObject({ code: 'not_found' })
      const old = await server.client.notebook.file({ notebook: 'files', path: 'a.txt', version: '1' })
      expect(await old.text()).toBe('one')
      await server.client.secret.set({ name: 'KEY', body: { value: 'hidden' } })
      await server.client.notebook.update({ notebook: 'files', body: { env: { KEY: 'secret:KEY', PLAIN: '1' } } })
      const fork = await server.client.notebook.fork({ notebook: 'files', body: { version: 1 } })
      expect(fork).toMatchObject({
        name: 'files-fork',
        state: 'stopped',
        parentNotebookId: made.id,
        spec: { env: { PLAIN: '1' }, packages: ['numpy==2.1.0'] },
      })
      expect(await pathsOf(fork.id)).toEqual(['a.txt', 'same.txt'])
      expect((await server.client.notebook.fork({ notebook: 'files', body: {} })).name).toBe('files-fork-2')
    })

    test('begin with what is given, and are there before the first start', async () => {
      const server = await startWithJupyter(make)
      const tar = makeTar([{ path: 'start.ipynb', content: aNotebookFile }])
      const workspace = await server.client.workspace.upload({ body: new Uint8Array(tar) })
      const create = (more: object) => server.client.notebook.create({ body: { ...body, start: false, ...more } })
      const one = await create({ name: 'uploaded', workspace: { from: 'upload', id: workspace.id } })
      const { items } = await server.client.notebook.files({ notebook: one.id })
      expect(items.map(({ path }) => path)).toEqual(['start.ipynb'])
      const job = await server.client.job.create({
        body: { command: 'run=1s', project: 'demo', workspace: { from: 'upload', id: workspace.id } },
      })
      const two = await create({ name: 'of-a-job', fromJob: job.id })
      expect(two.fromJobId).toBe(job.id)
      await server.client.notebook.start({ notebook: two.id, body: {} })
      await untilState(server, two.id, 'running')
      const [mount] = server.fake.specs.flatMap(({ mounts }) => mounts.filter(({ target }) => target.endsWith('-seed')))
      expect(mount?.mode).toBe('ro')
    })

    test('are shown as cells, whatever is in them, up to a size', async () => {
      const server = await startTestServer(make)
      const made = await server.client.notebook.create({ body: { ...body, name: 'cells', start: false } })
      await put(server, made, 'good.ipynb', aNotebookFile)
      const document = (path: string, more = {}) =>
        server.client.notebook.document({ notebook: 'cells', path, ...more })
      const good = await document('good.ipynb')
      expect(good).toMatchObject({ language: 'python', format: '4.5', next: null })
      expect(good.parameters).toEqual([
        { name: 'a', value: '1' },
        { name: 'b', value: '"x#y"' },
      ])
      expect(good.cells.map(({ kind }) => kind)).toEqual(['code', 'markdown', 'code', 'code'])
      expect(good.cells[2]?.outputs).toMatchObject([
        { kind: 'text', stream: 'stdout', text: '1\n' },
        { kind: 'data', data: { 'image/png': 'AA==' } },
        { kind: 'error', text: 'one\ntwo' },
        { kind: 'data', data: {} },
      ])
      expect(await document('good.ipynb', { offset: 1, limit: 2 })).toMatchObject({ next: 3, cells: [{}, {}] })
      await put(
        server,
        made,
        'old.ipynb',
        '{"nbformat":3,"worksheets":[{"cells":[{"cell_type":"heading","level":2,"source":"x"}]}]}',
      )
      expect((await document('old.ipynb')).cells[0]?.source).toBe('## x')
      for (const [name, text] of [
        ['half', aNotebookFile.slice(0, 99)],
        ['empty', ''],
        ['list', '[]'],
        ['other', '{"a":1}'],
      ]) {
        await put(server, made, `${name}.ipynb`, text!)
        await expect(document(`${name}.ipynb`)).rejects.toMatchObject({ code: 'bad_notebook', status: 422 })
      }
      const folder = await folderOf(server, made, 'filesId')
      for (const sizeBytes of [notebookLimits.documentBytes + 1, 500e6]) {
        await put(server, made, 'large.ipynb', '{')
        truncateSync(join(folder, 'large.ipynb'), sizeBytes)
        await expect(document('large.ipynb')).rejects.toMatchObject({ code: 'notebook_too_large' })
        const run = server.client.notebook.runAsJob({ notebook: 'cells', body: { path: 'large.ipynb' } })
        await expect(run).rejects.toMatchObject({ code: 'notebook_too_large' })
      }
      await expect(document('good.txt')).rejects.toMatchObject({ code: 'bad_notebook' })
      await expect(document('../x.ipynb')).rejects.toMatchObject({ code: 'bad_path' })
    })

    test('run as a job, with their packages and parameters', async () => {
      const server = await startWithJupyter(make)
      const made = await server.client.notebook.create({ body: { ...body, name: 'runs', machineType: 'C1' } })
      await untilState(server, made.id, 'running')
      await put(server, made, "it's $(x).ipynb", aNotebookFile)
      await install(server, made, 'flask', '3.0', 'file:///notebooks/flask.whl')
      const run = (path: string, parameters = {}) =>
        server.client.notebook.runAsJob({ notebook: 'runs', body: { path, parameters } })
      const job = await run("it's $(x).ipynb", { a: [1, { b: null }] })
      expect(job).toMatchObject({
        machineType: 'C1',
        spec: { workingDir: '/notebooks', requirements: expect.any(String) },
      })
      expect(job.spec.command).not.toContain('it')
      const parameters = Buffer.from(job.spec.env['NOTEBOOK_PARAMETERS']!, 'base64').toString()
      expect(JSON.parse(parameters)).toEqual({ a: [1, { b: null }] })
      const file = await server.client.workspace.get({ job: job.id, path: job.spec.requirements! })
      expect(await file.text()).toMatch(/papermill==[^]*flask @ file:\/\/\/notebooks\/flask\.whl/)
      await expect(run('nope.ipynb')).rejects.toMatchObject({ code: 'file_not_found' })
    })

    test('are shared as they were saved, with whoever knows the name and nobody else', async () => {
      const server = await startWithJupyter(make)
      const made = await server.client.notebook.create({ body: { ...body, name: 'shared' } })
      await untilState(server, made.id, 'running')
      for (const path of ['a.ipynb', '.ipynb_checkpoints/a-checkpoint.ipynb'])
        await put(server, made, path, aNotebookFile)
      const share = () => server.client.notebook.share({ notebook: 'shared' })
      await expect(share()).rejects.toMatchObject({ code: 'conflict' })
      await stopAndSave(server, made)
      const { share: name } = await share()
      expect(await share()).toEqual({ share: name })
      await put(server, made, 'secret.ipynb', aNotebookFile)
      const anyone = createClient({ url: server.running().url })
      expect(await anyone.notebook.shared({ share: name })).toMatchObject({
        name: 'shared',
        version: 1,
        first: 'a.ipynb',
      })
      const { items } = await anyone.notebook.sharedFiles({ share: name })
      expect(items.map(({ path }) => path)).toEqual(['.ipynb_checkpoints', 'a.ipynb'])
      expect((await anyone.notebook.sharedDocument({ share: name, path: 'a.ipynb' })).cells).toHaveLength(4)
      const file = await anyone.notebook.sharedFile({ share: name, path: 'a.ipynb' })
      expect(file.headers.get('content-disposition')).toMatch(/^attachment/)
      await file.body?.cancel()
      const hidden = anyone.notebook.sharedDocument({ share: name, path: 'secret.ipynb' })
      await expect(hidden).rejects.toMatchObject({ code: 'file_not_found' })
      await expect(anyone.notebook.show({ notebook: 'shared' })).rejects.toMatchObject({ status: 401 })
      await server.client.notebook.unshare({ notebook: 'shared' })
      await expect(anyone.notebook.shared({ share: name })).rejects.toMatchObject({ code: 'not_found' })
    })
  })

  test('a rebuild declares what was installed, once', async () => {
    const server = await startWithJupyter(make)
    const made = await server.client.notebook.create({ body: { ...body, name: 'broken' } })
    await untilState(server, made.id, 'running')
    await install(server, made, 'torch', '2.6')
    const rebuild = () => server.client.notebook.rebuild({ notebook: 'broken' })
    await expect(rebuild()).rejects.toMatchObject({ code: 'conflict' })
    await stopAndSave(server, made)
    expect(await rebuild()).toMatchObject({ rebuilds: true, spec: { packages: ['torch==2.6'] } })
    await server.client.notebook.start({ notebook: 'broken', body: {} })
    expect(await untilState(server, made.id, 'running')).toMatchObject({ rebuilds: false })
    const { items, python } = await server.client.notebook.packages({ notebook: 'broken' })
    expect({ items, python }).toEqual({
      python: '3.12',
      items: [{ name: 'torch', version: '2.6', requested: true, source: null }],
    })
  })
})
