import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { firstOutput, gradientEnv, idIn, plain, useGradientClient } from './support/gradient.ts'
import { pythonWith } from './support/python.ts'
import { until, useServerProcess } from './support/server-process.ts'

const python = await pythonWith('gradient')
const options = { timeout: 180_000 }

describe.skipIf(python === null)('the real client of Gradient: jobs (skipped where pip cannot fetch it)', () => {
  const server = useServerProcess({
    settings: { gradient: { machineTypes: { V100: 'C1' }, containers: { 'acme/*': 'host' } } },
  })
  const gradient = useGradientClient(python, server)
  /** Asks as the clients do, for what they do not show. */
  const ask = async (path: string, init: RequestInit = {}) => {
    const answer = await fetch(`${server().url}/gradient${path}`, {
      redirect: 'manual',
      ...init,
      headers: { 'x-api-key': server().key, ...(init.headers as Record<string, string>) },
    })
    return { status: answer.status, body: await answer.text() }
  }
  const program = [
    'import os, time',
    'print("hello", os.environ["GREETING"], flush=True)',
    'os.makedirs("/artifacts/deep")',
    'open("/artifacts/deep/model.bin", "w").write("x" * 1000)',
    'open("/artifacts/notes.txt", "w").write("42")',
  ].join('\n')

  test('a shell is pointed here by one line, and the program itself runs', options, async () => {
    const { folder, env } = gradient()
    const lines = Object.entries(await gradientEnv(server(), folder)).map(
      ([name, value]) => `export ${name}='${value}'`,
    )
    writeFileSync(join(folder, 'env'), lines.join('\n'))
    const { stdout } = await promisify(execFile)(
      'sh',
      ['-c', 'eval "$(cat env)"; gradient projects create --name shell && gradient clusters list'],
      { cwd: folder, env: { PATH: env['PATH']!, HOME: folder } },
    )
    expect(plain(stdout)).toContain(`${server().url}/projects/${idIn(stdout, 'pr')}`)
    expect(stdout).toMatch(/clnabla +\| nabla/)
    // Quirk 3: the namespace is a bare JSON text.
    expect(await ask('/teams/namespace')).toEqual({ status: 200, body: '""' })
  })

  test('apiKey saves a key, which is used where no variable names one', options, async () => {
    const { run, folder, env, program } = gradient()
    await run('apiKey', server().key)
    expect(JSON.parse(readFileSync(join(folder, '.paperspace/config.json'), 'utf8'))).toEqual({ apiKey: server().key })
    const { PAPERSPACE_API_KEY: _, ...rest } = env
    const { stdout } = await promisify(execFile)(program, ['projects', 'list'], { env: rest })
    expect(stdout).toContain('shell')
    await run('logout')
  })

  test('projects: create, list, details, tags, delete', options, async () => {
    const { run } = gradient()
    const id = idIn(await run('projects', 'create', '--name', 'vision', '--tag', 'blue', '--tag', 'red'), 'pr')
    // A name is that of one project: asked for again, it is found.
    expect(await run('projects', 'create', '--name', 'vision')).toContain(id)
    expect(await run('projects', 'tags', 'add', '--id', id, '--tag', 'green')).toContain('Tags added')
    expect(await run('projects', 'list', '--tag', 'green')).toContain(id)
    expect(await run('projects', 'tags', 'remove', '--id', id, '--tags', 'blue,green')).toContain('Tags removed')
    expect(await run('projects', 'list', '--tag', 'red')).toContain(id)
    expect(await run('projects', 'list', '--tag', 'blue')).toContain('No data found')
    expect(await run('projects', 'details', '--id', id)).toMatch(/Tags +\| red/)
    expect(await run('projects', 'tags', 'remove', '--id', id, '--tag', 'red')).toContain('Tags removed')
    expect((await server().client.project.show({ project: id })).tags).toEqual([])
    expect(await run('projects', 'delete', '--id', id)).toContain('Project deleted')
    expect(await run('projects', 'details', '--id', id)).toContain('Project not found')
  })

  test('names of machine types and containers stand for those of this server', options, async () => {
    const { run } = gradient()
    const types = await run('clusters', 'machineTypes', 'list')
    // Quirk 15: no list of machine types is empty, and the names that mean something here are among them.
    expect(types).toMatch(/\| C3 /)
    expect(types).toMatch(/\| V100 /)
    const create = (machine: string, container: string) =>
      run(
        'jobs',
        'create',
        '--projectId',
        'names',
        '--machineType',
        machine,
        '--container',
        container,
        '--command',
        'true',
      )
    const { client } = server()
    const mapped = await client.job.show({ job: idIn(await create('V100', 'acme/trainer:2'), 'j') })
    expect(mapped).toMatchObject({ machineType: 'C1', spec: { image: 'host' } })
    expect(await create('C3', 'paperspace/tensorflow-python')).toContain('New job created')
    expect(await create('P4000', 'acme/trainer')).toContain(
      'The setting gradient.machineTypes says what P4000 means here',
    )
    expect(await create('Nonsense', 'acme/trainer')).toContain('There is no machine type Nonsense here. There are: C1')
    expect(await create('C3', 'registry.example.com/own')).toContain(
      'The setting gradient.containers says what it means',
    )
  })

  test('a job: files of a folder, log to its end, artifacts, tags, stop, delete', options, async () => {
    const { run, runIn, folder } = gradient()
    const workspace = join(folder, 'workspace')
    mkdirSync(workspace)
    writeFileSync(join(workspace, 'train.py'), program)
    // Quirk 4: all is in the query, the command as it is, the files in one part of a form.
    const made = await runIn(
      workspace,
      'jobs',
      'create',
      '--name',
      'first',
      '--projectId',
      'vision',
      '--machineType',
      'C1',
      '--tag',
      'night',
      '--container',
      'paperspace/tensorflow-python',
      '--command',
      'python3 train.py',
      '--workspace',
      workspace,
      '--envVars',
      '{"GREETING": "world"}',
    )
    const id = idIn(made, 'j')
    // Quirk 8: numbers without gaps, held open while there is nothing new, and PSEOF at the end.
    const log = await run('jobs', 'logs', '--id', id, '--follow', 'true')
    expect(log).toContain('hello world')
    expect((await run('jobs', 'logs', '--id', id)).trim().split('\n').slice(-2)[0]).toMatch(/PSEOF/)
    expect(JSON.parse((await ask(`/jobs/logs?jobId=${id}&line=3`)).body)).toEqual([])

    expect(await run('jobs', 'list', '--tag', 'night')).toContain(id)
    expect(await run('jobs', 'list', '--tag', 'day')).toContain('No data found')
    expect(await run('jobs', 'tags', 'add', '--id', id, '--tag', 'late')).toContain('Tags added')
    expect(await run('jobs', 'tags', 'remove', '--id', id, '--tag', 'late')).toContain('Tags removed')
    expect((await server().client.job.show({ job: id })).tags).toEqual(['night'])
    expect(await run('jobs', 'artifacts', 'list', '--id', id, '--size')).toMatch(/deep\/model.bin +\| 1000/)
    expect(await run('jobs', 'artifacts', 'list', '--id', id, '--files', '*.txt')).not.toContain('model.bin')
    const target = join(folder, 'fetched')
    await run('jobs', 'artifacts', 'download', '--id', id, '--destinationDir', target)
    expect(readFileSync(join(target, 'deep/model.bin'), 'utf8')).toBe('x'.repeat(1000))
    expect(await run('jobs', 'artifacts', 'get', '--id', id)).toContain(`jobs/${id}/artifacts`)
    // Quirk 12: the last page has no cursor at all. Quirk 16: True, true and 1 are all yes.
    for (const yes of ['True', 'true', '1']) {
      const page: unknown = JSON.parse((await ask(`/jobs/artifactsListV2?jobId=${id}&links=${yes}&files=*.txt`)).body)
      expect(page).toEqual({ data: [{ file: 'notes.txt', url: expect.stringMatching(/^http:/) }] })
    }
    await run('jobs', 'artifacts', 'destroy', '--id', id, '--files', 'deep/*')
    expect(await run('jobs', 'artifacts', 'list', '--id', id)).not.toContain('model.bin')
    expect(await run('jobs', 'delete', '--id', id)).toContain(`Job ${id} deleted`)
    expect(await run('jobs', 'logs', '--id', id)).toContain(`There is no job ${id}`)
  })

  test('metrics of a job that runs, over TLS: get, list and stream', options, async () => {
    const { run, env } = gradient()
    const created = ['jobs', 'create', '--name', 'busy', '--projectId', 'vision', '--machineType', 'C1']
    const push = "from gradient_utils.metrics import add_metrics; add_metrics({'loss': 0.25})"
    const command = `${python} -c "${push}"; sleep 300`
    const id = idIn(await run(...created, '--container', 'acme/a', '--command', command), 'j')
    await until(async () => {
      expect(await run('jobs', 'metrics', 'get', '--id', id)).toMatch(/"memoryUsage": \{\s+"busy": \[/)
      expect(await run('jobs', 'metrics', 'list', '--id', id)).toContain('"loss"')
    })
    // Quirk 9: an address without a scheme; the stream comes without a key and gets what it asked for only.
    const { job } = JSON.parse(
      (await ask('/jobs/getPublicJob', { method: 'POST', body: JSON.stringify({ jobId: id }), headers: json })).body,
    ) as { job: { metricsURL: string } }
    expect(job.metricsURL).toMatch(/^127\.0\.0\.1:\d+\/gradient\/measured\/[\w-]+$/)
    const streamed = await firstOutput(
      gradient().program,
      ['jobs', 'metrics', 'stream', '--id', id, '--interval', '1s', '--metric', 'memoryUsage'],
      env,
      /busy/,
    )
    expect(streamed).toContain('memoryUsage')
    expect(streamed).not.toContain('cpuPercentage')
    expect(await run('jobs', 'stop', '--id', id)).toContain(`Job ${id} stopped`)
    expect(await run('jobs', 'logs', '--id', id, '--follow', 'true')).not.toContain('Failed')
    expect((await server().client.job.show({ job: id })).state).toBe('cancelled')
  })

  test('machines, which there are not, and a login without a key: told in a sentence', options, async () => {
    const { run } = gradient()
    const none = 'lends no machines by themselves'
    const create = '--region CA1 --size 50 --billingType hourly --machineName m --templateId t'
    const steps: [string, string][] = [
      ['version', '1.11.0'],
      ['machines list', 'No data found'],
      ['machines availability --region CA1 --machineType C1', none],
      [`machines create --machineType C1 ${create}`, none],
      ...['details', 'start', 'stop', 'restart', 'destroy'].map((verb): [string, string] => [
        `machines ${verb} --id m`,
        none,
      ]),
      ['machines update --id m --machineName n', none],
      ['machines utilization --id m --billingMonth 2022-01', none],
      ['machines waitfor --id m --state ready', none],
      ['machines tags add --id m --tag t', 'There are no tags of machine here.'],
      ['machines tags remove --id m --tag t', 'There are no tags of machine here.'],
      ['login --email a@example.org --password x', 'apiKey'],
    ]
    for (const [line, words] of steps) expect(await run(...line.split(' ')), line).toContain(words)
  })

  test(
    'bad input: a wrong key, handles of another team and unknown ids are told of in a sentence',
    options,
    async () => {
      const { run } = gradient()
      const { client } = server()
      const team = await client.team.create({ body: { name: 'others' } })
      const key = await client.key.create({ body: { name: 'others', team: team.id } })
      const theirs = server().clientFor(key.secret)
      const body = { project: 'hidden', name: 'hidden' }
      const job = await theirs.job.create({ body: { ...body, command: 'true' } })
      const project = job.project.id
      const notebook = await theirs.notebook.create({ body: { ...body, start: false } })
      const experiment = await theirs.experiment.create({
        body: { ...body, kind: 'single', command: 'true', start: false },
      })
      const dataset = await theirs.dataset.create({ body: { name: 'hidden' } })
      const workflow = await theirs.workflow.create({ body })
      const deployment = await theirs.deployment.create({ body: { ...body, command: 'true', instances: 0 } })
      for (const id of [job.id, 'j0000000000000000']) {
        for (const words of [['logs'], ['stop'], ['delete'], ['artifacts', 'list'], ['metrics', 'get']]) {
          expect(await run('jobs', ...words, '--id', id)).toContain(`There is no job ${id}.`)
        }
      }
      const steps: [string, string][] = [
        [`projects details --id ${project}`, 'Project not found'],
        [`projects delete --id ${project}`, `There is no project ${project}.`],
        [`jobs list --projectId ${project}`, `There is no project ${project}.`],
        [`notebooks details --id ${notebook.id}`, `There is no notebook ${notebook.id}.`],
        [`notebooks delete --id ${notebook.id}`, `There is no notebook ${notebook.id}.`],
        [`experiments details --id ${experiment.id}`, `There is no experiment ${experiment.id}.`],
        [`experiments start --id ${experiment.id}`, `There is no experiment ${experiment.id}.`],
        [`experiments tags add --id ${experiment.id} --tag t`, `There is no experiment ${experiment.id}.`],
        [`tensorboards create --experiment ${experiment.id}`, `There is no experiment ${experiment.id}.`],
        [`datasets details --id ${dataset.id}`, `There is no dataset ${dataset.id}.`],
        [`datasets versions create --id ${dataset.id}`, `There is no dataset ${dataset.id}.`],
        [`workflows get --id ${workflow.id}`, `There is no workflow ${workflow.id}.`],
        [`deployments get --id ${deployment.id}`, 'Deployment not found'],
        [`deployments delete --id ${deployment.id}`, `There is no deployment ${deployment.id}.`],
        ['models details --id monothing', 'Model not found'],
        ['models delete --id monothing', 'There is no model monothing.'],
        ['tensorboards details --id tbnothing', 'There is no tensorboard tbnothing.'],
        ['storageProviders details --id splnothing', 'There is no storage provider splnothing.'],
        ['jobs list --projectId prnothing', 'There is no project prnothing.'],
        ['projects list --apiKey nonsense', 'it is not valid here. Save a key'],
        ['jobs logs --id x --apiKey nonsense', 'it is not valid here. Save a key'],
        ['deployments list --apiKey nonsense', 'it is not valid here. Save a key'],
        ['jobs create --projectId x --machineType C1 --command true --ports 80x', '80x is not a port'],
        ['jobs create --projectId x --machineType C1', 'A job needs a command'],
      ]
      for (const [line, words] of steps) expect(await run(...line.split(' ')), line).toContain(words)
      expect((await theirs.notebook.show({ notebook: notebook.id })).name).toBe('hidden')
      expect((await theirs.experiment.show({ experiment: experiment.id })).tags).toEqual([])
    },
  )

  test('bad input: zips with hostile names, forms cut short, and queries that are none', options, async () => {
    const { run, folder } = gradient()
    // A zip with a name that leads out, and one that is none.
    const zip = join(folder, 'evil.zip')
    const evil = "import sys, zipfile; zipfile.ZipFile(sys.argv[1], 'w').writestr('../../out.txt', 'x')"
    await promisify(execFile)(python!, ['-c', evil, zip])
    const create = ['jobs', 'create', '--projectId', 'x', '--machineType', 'C1', '--command', 'true', '--workspace']
    expect(await run(...create, zip)).toMatch(/The archive cannot be unpacked|is not allowed/)
    expect(existsSync('/out.txt')).toBe(false)
    writeFileSync(join(folder, 'broken.zip'), 'PK\u0003\u0004 nothing')
    expect(await run(...create, join(folder, 'broken.zip'))).toMatch(/The archive cannot be unpacked/)
    // A form that ends before its file does.
    const cut = await ask('/jobs/createJob?projectId=x&machineType=C1&command=true', {
      method: 'POST',
      headers: { 'content-type': 'multipart/form-data; boundary=b' },
      body: '--b\r\nContent-Disposition: form-data; name="file"; filename="a.zip"\r\n\r\nPK\u0003\u0004',
    })
    expect(cut).toEqual({ status: 400, body: expect.stringContaining('broke off') })
    // Quirk 17: JSON everywhere, where there is nothing too; and a query that is none.
    expect(JSON.parse((await ask('/nothing/here')).body)).toMatchObject({ error: { status: 404 } })
    expect(await ask('/jobs/getJobList/?filter=%7B')).toEqual({
      status: 400,
      body: expect.stringContaining('is not JSON'),
    })
    const graphql = (text: string) =>
      ask('/graphql', { method: 'POST', body: text, headers: { ...json, authorization: `Bearer ${server().key}` } })
    for (const text of ['{', '{}', '{"query": 1}']) {
      expect((await graphql(text)).body).toContain('The body is no query of GraphQL.')
    }
    expect((await graphql('{"query": "{ secrets { value } }"}')).body).toContain('There is no such query here.')
    // An address that was made for one thing is good for no other, and one that was changed for none.
    expect((await ask('/artifact/AAAA')).body).toContain('is none that the server made')
  })

  test('quirks 1 and 2: bodies of GET are read, and a slash at the end is as good as none', options, async () => {
    for (const path of ['/projects', '/projects/', '/jobs/getJobList', '/jobs/getJobList/', '/clusters/getClusters/']) {
      expect((await ask(path)).status, path).toBe(200)
    }
    const get =
      'import json, sys, requests; ' +
      "print(requests.get(sys.argv[1], json=json.loads(sys.argv[2]), headers={'x-api-key': sys.argv[3]}).text)"
    const body = '{"filter":{"where":{"and":[{"id":"monothing"}]}}}'
    const address = `${server().url}/gradient/mlModels/getModelList/`
    const { stdout } = await promisify(execFile)(python!, ['-c', get, address, body, server().key])
    expect(JSON.parse(stdout)).toEqual({ modelList: [], total: 0, displayTotal: 0 })
  })
})

const json = { 'content-type': 'application/json' }
