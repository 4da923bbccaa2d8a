import { execFile } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, onTestFinished, test } from 'vitest'
import { firstOutput, idIn, paperspaceNode, useGradientClient, workflowFile } from './support/gradient.ts'
import { pythonWith } from './support/python.ts'
import { until, useServerProcess } from './support/server-process.ts'

const python = await pythonWith('gradient')
const python2 = await pythonWith('gradient-2')
const node = await paperspaceNode()
const options = { timeout: 240_000 }

describe.skipIf(python === null)('the real client of Gradient: what serves (skipped where pip cannot fetch it)', () => {
  const server = useServerProcess({ settings: { cpuOvercommit: 4 } })
  const gradient = useGradientClient(python, server)
  const older = useGradientClient(python, server, { USE_LEGACY_DEPLOYMENTS: '1' })
  const second = python2 === null ? undefined : useGradientClient(python2, server)
  const project = async (name: string) => idIn(await gradient().run('projects', 'create', '--name', name), 'pr')

  test(
    'deployments by GraphQL, which knows the key as Bearer: create, list, get, update, delete',
    options,
    async () => {
      const { run, folder } = gradient()
      const inProject = await project('serving')
      const spec = join(folder, 'spec.yaml')
      const write = (replicas: number) =>
        writeFileSync(
          spec,
          `image: paperspace/x\ncommand: ["sh", "-c", "exec python3 -m http.server $PORT"]\nenv:\n  - name: A\n    value: b\n` +
            `resources:\n  replicas: ${replicas}\n  instanceType: C1\n`,
        )
      write(1)
      // Quirk 14: only `Authorization: Bearer` comes with these.
      const made = await run('deployments', 'create', '--name', 'files', '--projectId', inProject, '--spec', spec)
      const [one] = (await server().client.deployment.list({})).items
      const id = one!.id
      expect(made).toContain(id)
      expect(await run('deployments', 'list')).toContain('files')
      await until(async () => expect(await run('deployments', 'get', '--id', id)).toMatch(/readyReplicas\W+1/))
      const answer = await fetch(`${server().url}${(await server().client.deployment.show({ deployment: id })).path}`, {
        headers: { authorization: `Bearer ${server().key}` },
      })
      expect(answer.status).toBe(200)
      write(0)
      expect(await run('deployments', 'update', '--id', id, '--spec', spec)).not.toContain('Error')
      expect((await server().client.deployment.show({ deployment: id })).instances.wanted).toBe(0)
      writeFileSync(spec, 'image: x\n')
      expect(await run('deployments', 'update', '--id', id, '--spec', spec)).toContain('needs a command')
      expect(await run('deployments', 'delete', '--id', id)).not.toContain('Error')
      expect(await run('deployments', 'get', '--id', id)).toContain('Deployment not found')
    },
  )

  test('deployments as they were before, by REST: each command of the group', options, async () => {
    const { run, program, env } = older()
    const legacy = (...words: string[]) => run('deployments', ...words)
    const { client } = server()
    const inProject = await project('legacy')
    const create =
      'create --deploymentType Custom --name old --machineType C1 --imageUrl paperspace/x --instanceCount 1'
    const command = ['--env', '{"COLOR": "red"}', '--command', 'echo "in $COLOR"; exec python3 -m http.server $PORT']
    const login = ['--authUsername', 'me', '--authPassword', 'hush-hush', '--clusterId', 'clnabla']
    const made = await legacy(...create.split(' '), '--projectId', inProject, ...command, ...login)
    expect(made).toContain('New deployment created')
    const { id } = (await client.deployment.list({ project: inProject })).items[0]!
    const show = () => client.deployment.show({ deployment: id })
    const ready = () =>
      until(async () => expect(await show()).toMatchObject({ state: 'running', instances: { ready: 1 } }))
    await ready()
    expect(await legacy('list', '--state', 'RUNNING')).toContain(id)
    expect(await legacy('details', '--id', id)).toMatch(/State +\| Running[^]*Endpoint +\| http/)
    const asked = async (who: string) =>
      (await fetch(server().url + (await show()).path, { headers: { authorization: `Basic ${btoa(who)}` } })).status
    expect(await asked('me:hush-hush')).toBe(200)
    expect(await legacy('tags', 'add', '--id', id, '--tag', 'mine')).toContain('Tags added')
    expect(await legacy('details', '--id', id)).toMatch(/Tags +\| mine/)
    expect(await legacy('tags', 'remove', '--id', id, '--tag', 'mine')).toContain('Tags removed')
    expect((await show()).tags).toEqual([])
    await until(async () => {
      expect(await legacy('logs', '--id', id)).toContain('in red')
      expect(await legacy('metrics', 'get', '--id', id)).toMatch(/"memoryUsage": \{\s+"/)
    })
    expect(await legacy('metrics', 'list', '--id', id)).toContain('"cpuPercentage"')
    const stream = ['deployments', 'metrics', 'stream', '--id', id, '--interval', '1s', '--metric', 'memoryUsage']
    expect(await firstOutput(program, stream, env, /memoryUsage/)).not.toContain('Failed')

    // What an update does not name stays as it was.
    expect(await legacy('update', '--id', id, '--name', 'newer')).toContain('Deployment data updated')
    const { name, spec, revision } = await show()
    expect([name, spec.env, spec.command]).toEqual(['newer', { COLOR: 'red' }, expect.stringMatching(/^echo/)])
    expect(
      await legacy(
        'update',
        '--id',
        id,
        '--env',
        '{"COLOR": "blue"}',
        '--authUsername',
        'us',
        '--authPassword',
        'hush-later',
      ),
    ).toContain('updated')
    expect(await show()).toMatchObject({
      revision: revision + 1,
      spec: { env: { COLOR: 'blue' }, command: spec.command },
    })
    await ready()
    expect([await asked('me:hush-hush'), await asked('us:hush-later')]).toEqual([401, 200])
    const scale = ['update', '--id', id, '--minInstanceCount', '1', '--maxInstanceCount', '3', '--resource']
    expect(await legacy(...scale, 'cpu/targetAverage:60')).toContain('updated')
    expect((await show()).spec.autoscaling).toMatchObject({ min: 1, max: 3, metric: 'cpu', target: 60 })
    expect(await legacy(...scale, 'memory/targetAverage:60')).toContain('Autoscaling goes by the processor here')
    expect(await legacy('update', '--id', id, '--machineType', 'P4000')).toContain('gradient.machineTypes')
    expect(await legacy('update', '--id', 'none', '--name', 'x')).toContain('There is no deployment none.')

    expect(await legacy('stop', '--id', id)).toContain('Deployment stopped')
    await until(async () => expect((await show()).state).toBe('stopped'))
    expect(await legacy('start', '--id', id)).toContain('Deployment started')
    expect((await show()).state).not.toBe('stopped')
    expect(await legacy('delete', '--id', id)).toContain('Deployment deleted')
    expect(await legacy('details', '--id', id)).toContain('Deployment not found')
  })

  test('tensorboards: create, list, details, more experiments, delete', options, async () => {
    const { run } = gradient()
    const { client } = server()
    const experiments = []
    for (const name of ['one', 'two']) {
      const body = { kind: 'single', name, project: 'boards', command: 'true' } as const
      experiments.push((await client.experiment.create({ body })).id)
    }
    const [first, second] = experiments as [string, string]
    const made = await run('tensorboards', 'create', '--experiment', first)
    expect(made).toContain('Created new tensorboard with id')
    const { id } = (await client.tensorboard.list({})).items[0]!
    await client.tensorboard.stop({ tensorboard: id })
    expect(await run('tensorboards', 'list')).toContain(id)
    expect(await run('tensorboards', 'add-experiments', '--id', id, '--experiment', second)).toContain(second)
    expect((await client.tensorboard.show({ tensorboard: id })).experiments).toHaveLength(2)
    await run('tensorboards', 'remove-experiments', '--id', id, '--experiment', first)
    expect(await run('tensorboards', 'details', '--id', id)).toContain(second)
    expect(await run('tensorboards', 'remove-experiments', '--id', id, '--experiment', second)).toContain(
      'shows something',
    )
    expect(await run('tensorboards', 'delete', '--id', id)).toContain('ended with success')
  })

  test('notebooks: listed with their number, shown, tagged, forked, created, stopped, deleted', options, async () => {
    const { run } = gradient()
    const { client } = server()
    const inProject = await project('books')
    const made = await client.notebook.create({ body: { project: inProject, name: 'study', start: false } })
    // Quirk 12: without `total` the client falls over.
    expect(await run('notebooks', 'list')).toMatch(new RegExp(`study +\\| ${made.id}`))
    expect(await run('notebooks', 'details', '--id', made.id)).toMatch(/State +\| Stopped/)
    expect(await run('notebooks', 'tags', 'add', '--id', made.id, '--tag', 'mine')).toContain('Tags added')
    expect(await run('notebooks', 'list', '--tag', 'mine')).toContain(made.id)
    expect(await run('notebooks', 'tags', 'remove', '--id', made.id, '--tag', 'mine')).toContain('Tags removed')
    expect(await run('notebooks', 'artifacts', 'list', '--id', made.id)).toContain('No data found')
    const fork = idIn(await run('notebooks', 'fork', '--id', made.id, '--projectId', inProject), made.id.slice(0, -16))
    expect(fork).not.toBe(made.id)
    expect(await run('notebooks', 'delete', '--id', fork)).toContain('Notebook deleted')
    const create = ['notebooks', 'create', '--projectId', inProject, '--machineType']
    const started = await run(...create, 'C1', '--container', 'paperspace/x', '--name', 'now', '--shutdownTimeout', '2')
    const [now] = (await client.notebook.list({ name: 'now' })).items
    expect(started).toContain(`${server().url}/notebooks/${now!.id}/notebook/${inProject}`)
    expect((await client.notebook.show({ notebook: now!.id })).spec).toMatchObject({
      timeLimitSeconds: 7200,
      image: 'host',
    })
    expect(await run('notebooks', 'stop', '--id', now!.id)).toContain('Stopping notebook')
    expect(await run('notebooks', 'delete', '--id', now!.id)).toContain('Notebook deleted')
    expect(await run(...create, 'P4000', '--container', 'paperspace/x')).toContain('gradient.machineTypes')
    expect(await run(...create, 'C1', '--container', 'unknown/image')).toContain('gradient.containers')
    expect(await run('notebooks', 'details', '--id', 'nothing')).toContain('There is no notebook nothing.')
  })

  test('notebooks: start, logs, and metrics while it prepares: get, list and stream', options, async () => {
    const { run, program, env } = gradient()
    // An index that never answers keeps it at its preparations.
    const index = createServer(() => undefined)
    await new Promise<void>((resolve) => {
      index.listen(0, '127.0.0.1', resolve)
    })
    onTestFinished(() => void index.close())
    const { port } = index.address() as AddressInfo
    const body = { project: 'books', name: 'measured', start: false }
    const silent = { PIP_INDEX_URL: `http://127.0.0.1:${port}/simple`, PIP_DEFAULT_TIMEOUT: '300' }
    const { id } = await server().client.notebook.create({ body: { ...body, env: silent } })
    expect(await run('notebooks', 'start', '--id', id, '--machineType', 'C1')).toContain(id)
    await until(async () =>
      expect(await run('notebooks', 'metrics', 'get', '--id', id)).toMatch(/"memoryUsage": \{\s+"measured": \[/),
    )
    expect(await run('notebooks', 'metrics', 'list', '--id', id)).toContain('"gpuTemp"')
    const stream = ['notebooks', 'metrics', 'stream', '--id', id, '--interval', '1s', '--metric', 'memoryUsage']
    const streamed = await firstOutput(program, stream, env, /measured/)
    expect(streamed).toContain('memoryUsage')
    expect(streamed).not.toContain('cpuPercentage')
    await server().client.notebook.stop({ notebook: id, body: { graceSeconds: 0 } })
    await until(async () => expect(await run('notebooks', 'details', '--id', id)).toMatch(/State +\| (Stopped|Error)/))
    expect(await run('notebooks', 'logs', '--id', id)).toMatch(/1 +\| \S[^]*PSEOF/)
    expect(await run('notebooks', 'logs', '--id', 'nothing')).toContain('There is no notebook nothing.')
    expect(await run('notebooks', 'metrics', 'get', '--id', 'nothing')).toContain('There is no notebook nothing.')
    await run('notebooks', 'delete', '--id', id)
  })

  test('workflows: create, run with a file and its inputs, list, get, runs, logs', options, async () => {
    const { run, folder } = gradient()
    const inProject = await project('flows')
    const made = await run('workflows', 'create', '--name', 'nightly', '--projectId', inProject)
    const id = idIn(made, 'wf')
    expect(await run('workflows', 'list', '--projectId', inProject)).toContain(id)
    const spec = join(folder, 'flow.yaml')
    writeFileSync(spec, workflowFile)
    const inputs = join(folder, 'inputs.yaml')
    writeFileSync(inputs, 'echo:\n  value: from the file of inputs\n')
    const begun = await run('workflows', 'run', '--id', id, '--path', spec, '--inputPath', inputs, '--clusterId', 'clx')
    expect(begun).toContain(`Created workflow run ${id}.1`)
    await until(async () =>
      expect(await run('workflows', 'get', '--id', id, '--show-runs')).toMatch(/\| 1 +\| clnabla +\| Succeeded +\| wf/),
    )
    const shown = await run('workflows', 'get', '--id', id, '--show-runs', '--run', '1')
    expect(shown).toContain('"ref": "from-flow:1"')
    expect(await run('workflows', 'get', '--id', id)).toContain('"name": "nightly"')
    const logs = await run('workflows', 'logs', '--id', id, '--run', '1')
    expect(logs).toContain('Job Name: job-2')
    expect(logs).toContain('ENV test from the file of inputs')
    expect(logs).toContain('1 /inputs/data2/list.txt')
    // What is wrong is told in a sentence, of the file and of what the server lacks.
    writeFileSync(spec, workflowFile.replace('- job-1', '- job-9'))
    expect(await run('workflows', 'run', '--id', id, '--path', spec)).toContain('there is no job job-9')
    writeFileSync(spec, workflowFile.replaceAll('bash:5', 'unknown/image'))
    expect(await run('workflows', 'run', '--id', id, '--path', spec)).toContain('gradient.containers')
    expect(await run('workflows', 'get', '--id', 'nothing')).toContain('There is no workflow nothing.')
  })

  test.skipIf(node === null)('paperspace-node: a job with the files of a folder, to its end', options, async () => {
    const { folder, env } = gradient()
    const workspace = join(folder, 'for-node')
    mkdirSync(workspace)
    writeFileSync(join(workspace, 'hello.txt'), 'from a file')
    const paperspace = async (...words: string[]) =>
      (await promisify(execFile)(process.execPath, [node!, ...words, '--apiKey', server().key], { env, cwd: folder }))
        .stdout
    // Quirk 4: from this client the command comes in base64.
    const made = await paperspace(
      ...'jobs create --project from-node --machineType C1 --container paperspace/x --name noded'.split(' '),
      '--command',
      'cat hello.txt; echo x > /artifacts/left.txt',
      '--workspace',
      workspace,
    )
    expect(made).toContain('from a file')
    expect(made).toContain('Job Stopped, exitCode 0')
    const id = idIn(made, 'j')
    const job = (verb: string, ...words: string[]) => paperspace('jobs', verb, '--jobId', id, ...words)
    expect(await paperspace('jobs', 'list', '--project', 'from-node')).toContain(id)
    expect(await job('show')).toMatch(/"state": "Stopped"/)
    expect(await job('artifactsList')).toContain('left.txt')
    expect(await job('waitfor', '--state', 'Stopped')).toContain(id)
    expect(await paperspace('jobs', 'machineTypes')).toContain('"machineType": "C1"')
    expect(await job('logs')).toContain('from a file')
    const refused = (asked: Promise<string>, text: string) =>
      expect(asked).rejects.toMatchObject({ stdout: expect.stringContaining(text) as unknown })
    await refused(job('artifactsGet'), 'no credentials for artifacts folder')
    await job('artifactsDestroy')
    expect(await job('artifactsList')).not.toContain('left.txt')
    const copy = idIn(await job('clone'), 'j')
    await server().client.job.wait({ job: copy, seconds: 60 })
    expect((await server().client.job.show({ job: copy })).exitCode).toBe(0)
    const sleeper = await server().client.job.create({ body: { project: 'from-node', command: 'sleep 300' } })
    await paperspace('jobs', 'stop', '--jobId', sleeper.id)
    expect((await server().client.job.show({ job: sleeper.id })).stopRequestedAt).not.toBeNull()
    expect(await paperspace('machines', 'list')).toContain('[]')
    await refused(paperspace('machines', 'start', '--machineId', 'm'), 'lends no machines by themselves')
    await job('destroy')
    await refused(job('show'), `There is no job ${id}.`)
  })

  test.skipIf(python2 === null)('version 2.0.6 of the client, for what it still has', options, async () => {
    const { run, folder } = second!()
    const { client } = server()
    expect(await run('projects', 'list')).toContain('books')
    expect(await run('clusters', 'machineTypes', 'list')).toContain('| C1 ')
    expect(await run('notebooks', 'list')).toContain('study')
    expect(await run('deployments', 'list')).not.toMatch(/Failed|exit/)

    const { id: dataset } = await client.dataset.create({ body: { name: 'from-two' } })
    const data = join(folder, 'two')
    mkdirSync(data)
    writeFileSync(join(data, 'a.txt'), 'a')
    const version = ['datasets', 'versions', 'create', '--id', dataset, '--source-path', data]
    expect(await run(...version)).toContain('Committed dataset version')
    expect(await run('datasets', 'files', 'list', '--id', `${dataset}:1`)).toMatch(/a.txt|two\//)
    expect(await run('storageProviders', 'list')).toContain('splnabla')

    const { id: workflow } = await client.workflow.create({ body: { name: 'from-two', project: 'two' } })
    const flow = join(folder, 'two.yaml')
    writeFileSync(flow, workflowFile.replace('from-flow', 'from-flow-two'))
    const begun = await run('workflows', 'run', '--id', workflow, '--path', flow)
    expect(begun).toContain(`Created workflow run ${workflow}.1`)
    expect(await run('workflows', 'get', '--show-runs', '--id', workflow)).toMatch(/\| 1 +\| clnabla/)

    const model = ['--name', 'of-two', '--modelType', 'Custom']
    const id = idIn(await run('models', 'upload', join(data, 'a.txt'), ...model), 'mo')
    expect(await run('models', 'list')).toContain(id)
    const secret = ['--name', 'OF_TWO', '--value', 'x']
    expect(await run('secrets', 'set', 'team', ...secret)).toContain("Set team secret 'OF_TWO'")
    expect(await run('secrets', 'list', 'team')).toContain('OF_TWO')
    const [notebook] = (await client.notebook.list({})).items
    const inProject = await project('of-two')
    const made = await run('datasets', 'create', '--name', 'second-two', '--storageProviderId', 'splnabla')
    const [other, draft] = [idIn(made, 'ds'), `${dataset}:1`]
    const steps: [string, string | RegExp][] = [
      [`projects details --id ${inProject}`, 'of-two'],
      [`projects tags add --id ${inProject} --tag two`, 'Tags added'],
      [`projects tags remove --id ${inProject} --tag two`, 'Tags removed'],
      ['projects create --name by-two', 'Project created'],
      ['clusters list', 'clnabla'],
      [`notebooks details --id ${notebook!.id}`, notebook!.name],
      [`notebooks tags add --id ${notebook!.id} --tag two`, 'Tags added'],
      [`notebooks tags remove --id ${notebook!.id} --tag two`, 'Tags removed'],
      [`notebooks artifacts list --id ${notebook!.id}`, 'No data found'],
      [`notebooks metrics list --id ${notebook!.id}`, 'cpuPercentage'],
      ['datasets list', 'from-two'],
      [`datasets details --id ${other}`, 'second-two'],
      [`datasets update --id ${other} --name renamed-two`, 'Updated dataset'],
      [`datasets versions list --id ${dataset}`, draft],
      [`datasets versions details --id ${draft}`, /Committed +\| true/],
      [`datasets tags set --id ${draft} --name two`, 'Set dataset tag'],
      [`datasets tags list --id ${dataset}`, 'two'],
      [`datasets tags delete --id ${dataset}:two`, 'Deleted dataset tag'],
      [`datasets delete --id ${other}`, 'Deleted dataset'],
      [`models details --id ${id}`, 'of-two'],
      [`models tags add --id ${id} --tag two`, 'Tags added'],
      [`models tags remove --id ${id} --tag two`, 'Tags removed'],
      [`models delete --id ${id}`, 'Model deleted'],
      ['storageProviders details --id splnabla', 'nabla'],
      [`workflows list --projectId ${(await client.workflow.show({ workflow })).project.id}`, workflow],
      ['secrets delete team --name OF_TWO', 'Deleted'],
      ['machines list', 'No data found'],
      ['machines details --id m', 'lends no machines by themselves'],
      [`projects delete --id ${inProject}`, 'Project deleted'],
    ]
    for (const [line, words] of steps) expect(await run(...line.split(' ')), line).toMatch(words)
  })
})
