import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { firstOutput, idIn, useGradientClient } from './support/gradient.ts'
import { pythonWith } from './support/python.ts'
import { until, useServerProcess } from './support/server-process.ts'

const python = await pythonWith('gradient')
const options = { timeout: 180_000 }

describe.skipIf(python === null)('the real client of Gradient: experiments and data (skipped without pip)', () => {
  // Nodes of an experiment start together: on a small machine they share what there is.
  const server = useServerProcess({ settings: { cpuOvercommit: 4 } })
  const gradient = useGradientClient(python, server)
  const ask = async (path: string, body?: unknown) => {
    const answer = await fetch(`${server().url}/gradient${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { 'x-api-key': server().key, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return (await answer.json()) as Record<string, never>
  }
  const project = async (name: string) => idIn(await gradient().run('projects', 'create', '--name', name), 'pr')
  const container = 'paperspace/tensorflow-python'

  test('experiments: a single node from files, followed, listed, shown, tagged, deleted', options, async () => {
    const { run, runIn, folder } = gradient()
    const inProject = await project('single')
    const workspace = join(folder, 'code')
    mkdirSync(workspace)
    writeFileSync(join(workspace, 'train.sh'), 'echo one; echo "two $NAME"; echo weights > /artifacts/weights.bin')
    // Quirk 5: the command is in base64. Quirk 10: the fields of the form come before the file, in their order.
    const output = await runIn(
      workspace,
      'experiments',
      'run',
      'singlenode',
      '--projectId',
      inProject,
      '--name',
      'alone',
      '--machineType',
      'C1',
      '--container',
      container,
      '--command',
      'sh train.sh',
      '--workspace',
      workspace,
      '--tag',
      'old',
      '--experimentEnv',
      '{"NAME": "three"}',
      '--modelType',
      'Custom',
      '--modelPath',
      '/artifacts',
    )
    const id = idIn(output, 'e')
    expect(output).toContain('two three')
    expect(await run('experiments', 'logs', '--id', id)).toMatch(/1 +\| one[^]*2 +\| two three[^]*3 +\| PSEOF/)
    expect(await run('experiments', 'list')).toMatch(new RegExp(`alone +\\| ${id} +\\| stopped`))
    // Quirk 6: made at the first address, read at the second; in groups where projects are named.
    expect(await run('experiments', 'list', '--projectId', inProject)).toContain(id)
    const grouped = await ask(`/experiments/v2/experiments/?limit=20&offset=0&projectHandle%5B0%5D=${inProject}`)
    expect(grouped).toMatchObject({
      data: [
        { data: [{ handle: id }], meta: { itemGroup: { key: 'projectHandle', value: inProject }, totalItems: 1 } },
      ],
      meta: { totalItems: 1 },
    })
    // Quirk 7: parameters in snake case with the project, a number for the state, objects for tags.
    expect(await ask(`/experiments/v2/experiments/${id}/`)).toMatchObject({
      data: { state: 5, tags: [{ name: 'old' }], templateHistory: { params: { project_handle: inProject } } },
    })
    const details = await run('experiments', 'details', '--id', id)
    expect(details).toMatch(/Worker Command +\| sh train.sh/)
    expect(details).toMatch(/Tags +\| old/)
    // What it left is a model; quirk 12: a list of models says how many there are.
    expect(await run('models', 'list', '--experimentId', id)).toMatch(/alone .*Custom/)
    expect(await run('experiments', 'delete', '--id', id)).toContain('Experiment deleted')
    expect(await run('experiments', 'list')).toContain('No data found')
    expect(await run('experiments', 'details', '--id', id)).toContain(`There is no experiment ${id}.`)
  })

  test('nodes that start together: GRPC with PS_CONFIG as gradient_utils reads it, and MPI', options, async () => {
    const { run } = gradient()
    const inProject = await project('many')
    const helper = `${python} -c "import os, gradient_utils.multi_node as m; m.get_tf_config(); print(os.environ['TF_CONFIG'])"`
    const places = `${python} -c "from gradient_utils.utils import *; print(data_dir(), model_dir('m'), export_dir('m'))"`
    const node = (prefix: string, command: string) => [
      `--${prefix}Container`,
      container,
      `--${prefix}MachineType`,
      'C1',
      `--${prefix}Command`,
      command,
      `--${prefix}Count`,
      '1',
    ]
    const grpc = ['--projectId', inProject, '--experimentType', 'GRPC', '--name', 'grpc']
    const output = await run(
      'experiments',
      'create',
      'multinode',
      ...grpc,
      ...node('worker', `echo $TYPE $INDEX; ${helper}; ${places}`),
      ...node('parameterServer', 'echo served; sleep 60'),
    )
    const id = idIn(output, 'e')
    // Quirk 13: started by PUT, without a body.
    expect(await run('experiments', 'start', '--id', id)).toContain('Experiment started')
    const log = await run('experiments', 'logs', '--id', id, '--follow', 'true')
    expect(log).toContain('master 0')
    expect(log).toContain('"environment": "cloud"')
    expect(log).toContain('served')
    expect(log).toMatch(/\/storage \/storage\/models\/\w+\/m \/storage\/models\/\w+\/m/)
    expect(await run('experiments', 'details', '--id', id)).toMatch(/Parameter Server Count +\| 1/)
    const mpi = await run(
      'experiments',
      'create',
      'multinode',
      '--projectId',
      inProject,
      '--experimentType',
      'MPI',
      '--name',
      'mpi',
      ...node('worker', 'sleep 60'),
      ...node('master', 'cat /generated/hostfile'),
    )
    await run('experiments', 'start', '--id', idIn(mpi, 'e'))
    expect(await run('experiments', 'logs', '--id', idIn(mpi, 'e'), '--follow', 'true')).toContain('worker-0')
  })

  test(
    'an experiment that runs: its metrics, its tags, stop; and nodes that are followed at once',
    options,
    async () => {
      const { run, program, env } = gradient()
      const inProject = await project('running')
      const create = 'experiments create singlenode --name busy --machineType C1 --command'.split(' ')
      const id = idIn(await run(...create, 'sleep 300', '--container', container, '--projectId', inProject), 'e')
      expect(await run('experiments', 'start', '--id', id)).toContain('Experiment started')
      await until(async () =>
        expect(await run('experiments', 'metrics', 'get', '--id', id)).toMatch(/"memoryUsage": \{\s+"mljob-/),
      )
      expect(await run('experiments', 'metrics', 'list', '--id', id)).toContain('"gpuUtilization"')
      const stream = ['experiments', 'metrics', 'stream', '--id', id, '--interval', '1s', '--metric', 'memoryUsage']
      expect(await firstOutput(program, stream, env, /mljob-/)).not.toContain('cpuPercentage')
      expect(await run('experiments', 'tags', 'add', '--id', id, '--tag', 'slow')).toContain('Tags added')
      expect(await run('experiments', 'list', '--tag', 'slow')).toContain(id)
      expect(await run('experiments', 'tags', 'remove', '--id', id, '--tag', 'slow')).toContain('Tags removed')
      expect(await run('experiments', 'stop', '--id', id)).toContain('Experiment stopped')
      const line = `experiments run multinode --name both --experimentType MPI --projectId ${inProject}`.split(' ')
      const nodes = ['master', 'worker'].flatMap((role) =>
        [`--${role}Container`, container, `--${role}MachineType`, 'C1', `--${role}Count`, '1'].concat(
          `--${role}Command`,
          `echo begun; echo "the ${role} ran"`,
        ),
      )
      // Following begins with the second line, in this client.
      expect(await run(...line, ...nodes)).toContain('the master ran')
    },
  )

  test('a search: one that tunes and its workers, which say what they lack; stop', options, async () => {
    const { run } = gradient()
    const inProject = await project('search')
    const output = await run(
      'experiments',
      'hyperparameters',
      'run',
      '--projectId',
      inProject,
      '--name',
      'tune',
      '--tuningCommand',
      'python3 tune.py',
      '--workerContainer',
      container,
      '--workerMachineType',
      'C1',
      '--workerCommand',
      'sleep 60',
      '--workerCount',
      '1',
      '--hyperparameterServerMachineType',
      'C1',
    )
    const id = idIn(output, 'e')
    expect(await run('experiments', 'hyperparameters', 'list')).toContain(id)
    const tag = ['--id', id, '--tag', 'wide']
    expect(await run('experiments', 'hyperparameters', 'tags', 'add', ...tag)).toContain('Tags added')
    expect((await server().client.experiment.show({ experiment: id })).tags).toEqual(['wide'])
    expect(await run('experiments', 'hyperparameters', 'tags', 'remove', ...tag)).toContain('Tags removed')
    expect(await run('experiments', 'hyperparameters', 'details', '--id', id)).toMatch(/Worker count +\| 1/i)
    const told = await run('experiments', 'logs', '--id', id, '--follow', 'true')
    expect(told).toMatch(/This search needs MongoDB[^]*--hyperparameterServerContainer[^]*nabla sweep/)
    expect(await run('experiments', 'stop', '--id', id)).toContain('Experiment stopped')
    const later = 'experiments hyperparameters create --name later --workerCount 1 --workerMachineType C1'.split(' ')
    const given = ['--tuningCommand', 'true', '--workerCommand', 'true', '--workerContainer', container]
    const made = idIn(await run(...later, '--projectId', inProject, ...given), 'e')
    expect((await server().client.experiment.show({ experiment: made })).state).toBe('created')
    expect(await run('experiments', 'hyperparameters', 'start', '--id', made)).toContain('started')
    await run('experiments', 'stop', '--id', made)
  })

  test('models: a folder and a file are sent, listed, fetched, tagged and deleted', options, async () => {
    const { run, folder } = gradient()
    const source = join(folder, 'saved')
    mkdirSync(source)
    writeFileSync(join(source, 'graph.txt'), 'graph')
    writeFileSync(join(source, 'weights.dat'), 'w'.repeat(300_000))
    // Quirk 11: what is put is a form whose header does not say so.
    const upload = ['--name', 'My model', '--modelType', 'Custom']
    const id = idIn(await run('models', 'upload', source, ...upload), 'mo')
    const single = idIn(await run('models', 'upload', join(source, 'weights.dat'), ...upload), 'mo')
    const listed = await run('models', 'list')
    expect(listed).toMatch(new RegExp(`My-model +\\| ${id} +\\| Custom`))
    expect(listed).toContain(`My-model-2`)
    const target = join(folder, 'models')
    await run('models', 'download', '--id', id, '--destinationDir', target)
    expect(readFileSync(join(target, 'weights.dat'), 'utf8')).toBe('w'.repeat(300_000))
    expect((await server().client.model.files({ model: single, version: '1' })).items).toMatchObject([
      { path: 'weights.dat', sizeBytes: 300_000 },
    ])
    expect(await run('models', 'tags', 'add', '--id', id, '--tag', 'best')).toContain('Tags added')
    expect(await run('models', 'list', '--tag', 'best')).not.toContain('My-model-2')
    expect(await run('models', 'details', '--id', id)).toMatch(/Tags +\| best/)
    expect(await run('models', 'delete', '--id', id)).toContain('Model deleted')
    expect(await run('models', 'details', '--id', id)).toContain('Model not found')
  })

  test('datasets: versions filled file by file, tags, files, and a job that reads one', options, async () => {
    const { run, folder } = gradient()
    const source = join(folder, 'data')
    mkdirSync(join(source, 'deep'), { recursive: true })
    for (let number = 0; number < 25; number += 1) writeFileSync(join(source, `${number}.csv`), `${number}`)
    writeFileSync(join(source, 'deep/a b&c.csv'), 'odd')
    writeFileSync(join(source, 'empty'), '')
    expect(await run('storageProviders', 'list')).toContain('splnabla')
    const id = idIn(await run('datasets', 'create', '--name', 'numbers', '--storageProviderId', 'splnabla'), 'ds')
    const first = await run('datasets', 'versions', 'create', '--id', id, '--message', 'all', '--source-path', source)
    expect(first).toContain('Committed dataset version')
    const draft = `${id}:${idIn(first, 'dv')}`
    expect(await run('datasets', 'versions', 'list', '--id', id)).toContain(`${id}:1`)
    expect(await run('datasets', 'list')).toContain('numbers')
    const update = (version: string) => run('datasets', 'versions', 'update', '--id', version, '--message', 'later')
    expect(await update(`${id}:1`)).toContain('A version that is committed never changes')
    const files = await run('datasets', 'files', 'list', '--id', draft, '--recursive', 'true')
    expect(files).toMatch(/deep\/a b&c.csv +\| 3/)
    expect(files.match(/\.csv/g)).toHaveLength(26)
    await run('datasets', 'files', 'get', '--id', `${id}:1`, '--target-path', join(folder, 'got'))
    expect(readFileSync(join(folder, 'got/data/deep/a b&c.csv'), 'utf8')).toBe('odd')
    expect(readFileSync(join(folder, 'got/data/empty'), 'utf8')).toBe('')

    const second = `${id}:${idIn(await run('datasets', 'versions', 'create', '--id', id), 'dv')}`
    await run('datasets', 'files', 'put', '--id', second, '--source-path', join(source, '7.csv'))
    await run('datasets', 'files', 'put', '--id', second, '--source-path', join(source, '8.csv'))
    await run('datasets', 'files', 'delete', '--id', second, '--path', '8.csv')
    expect(await run('datasets', 'files', 'list', '--id', second)).not.toContain('8.csv')
    expect(await update(second)).toContain('Updated')
    const details = await run('datasets', 'versions', 'details', '--id', second)
    expect(details).toMatch(/Message +\| later[^]*Committed +\| false/)
    expect(await run('datasets', 'versions', 'commit', '--id', second)).toContain('Committed')
    expect(await run('datasets', 'tags', 'set', '--id', second, '--name', 'prod')).toContain('Set dataset tag')
    expect(await run('datasets', 'tags', 'list', '--id', id)).toMatch(new RegExp(`${id}:2 +\\| prod`))
    const model = ['--name', 'of-set', '--modelType', 'Custom', '--datasetRef', `${id}:2`]
    const made = idIn(await run('models', 'create', ...model), 'mo')
    expect(await run('models', 'details', '--id', made)).toContain('of-set')
    const job = await run(
      'jobs',
      'create',
      '--projectId',
      'reads',
      '--machineType',
      'C1',
      '--container',
      container,
      '--command',
      'cat /data/numbers/*',
      '--dataset',
      `numbers@${second}`,
    )
    expect(await run('jobs', 'logs', '--id', idIn(job, 'j'), '--follow', 'true')).toMatch(/\t7\n/)
    expect(await run('datasets', 'tags', 'delete', '--id', `${id}:prod`)).toContain('Deleted dataset tag')
    expect(await run('datasets', 'update', '--id', id, '--description', 'counted')).toContain('Updated dataset')
    expect(await run('datasets', 'details', '--id', id)).toMatch(/Description +\| counted/)
    expect(await run('datasets', 'versions', 'delete', '--id', `${id}:1`)).toContain('Deleted')
    expect(await run('datasets', 'delete', '--id', id)).toContain('Deleted dataset')
    expect(await run('datasets', 'details', '--id', id)).toContain(`There is no dataset ${id}.`)
  })

  test('quirk 10: a file in parts, and addresses in the order of the calls', options, async () => {
    const { id } = await ask('/datasets', { name: 'large', storageProviderId: 'splnabla' })
    const { version } = await ask(`/datasets/${id}/versions`, {})
    const sign = async (...calls: unknown[]) =>
      (await ask(`/datasets/${id}/versions/${version}/s3/preSignedUrls`, { calls })) as unknown as { url: never }[]
    const [begun] = await sign({ method: 'createMultipartUpload', params: { Key: '/a/large.bin' } })
    const { UploadId } = begun!.url as { UploadId: string }
    const part = (PartNumber: number) => ({
      method: 'uploadPart',
      params: { Key: 'a/large.bin', UploadId, PartNumber },
    })
    const parts = await sign(part(2), part(1), part(3))
    const tags = []
    for (const [index, text] of ['two', 'one', ''].entries()) {
      const answer = await fetch(parts[index]!.url, { method: 'PUT', body: text })
      tags.push(answer.headers.get('etag'))
    }
    expect(new Set(tags).size).toBe(3)
    const Parts = [1, 2, 3].map((PartNumber) => ({ PartNumber, ETag: 'any' }))
    const complete = { Key: 'a/large.bin', UploadId, MultipartUpload: { Parts } }
    const [, got, head] = await sign(
      { method: 'completeMultipartUpload', params: complete },
      { method: 'getObject', params: { Key: 'a/large.bin' } },
      { method: 'headObject', params: { Key: 'a/none.bin' } },
    )
    expect(await (await fetch(got!.url)).text()).toBe('onetwo')
    // An address to read at is none to write at.
    expect((await fetch(got!.url, { method: 'PUT', body: 'x' })).status).toBe(400)
    expect((await fetch(head!.url, { method: 'HEAD' })).status).toBe(404)
    const [listed] = await sign({ method: 'listObjectsV2', params: { Prefix: '/', MaxKeys: 1, Delimiter: '' } })
    expect(await (await fetch(listed!.url)).text()).toContain(`<Prefix>${id}/${version}/</Prefix>`)
    expect(
      await sign({ method: 'getObject', params: { Key: '../../../secret.key' } })
        .then(([one]) => fetch(one!.url))
        .then((r) => r.status),
    ).toBe(400)
  })

  test('secrets are set and listed by name, and given to jobs', options, async () => {
    const { run } = gradient()
    expect(await run('secrets', 'set', 'team', '--name', 'TOKEN', '--value', 'hush')).toContain(
      "Set team secret 'TOKEN'",
    )
    expect(await run('secrets', 'list', 'team')).toContain('TOKEN')
    const inProject = await project('secrets')
    await run('secrets', 'set', 'project', '--id', inProject, '--name', 'OWN', '--value', 'x')
    expect(await run('secrets', 'list', 'project', '--id', inProject)).toContain('OWN')
    expect(await run('secrets', 'list', 'team')).not.toContain('OWN')
    const cluster = ['cluster', '--id', 'clnabla']
    expect(await run('secrets', 'set', ...cluster, '--name', 'NEAR', '--value', 'x')).toContain('NEAR')
    expect(await run('secrets', 'list', ...cluster)).toContain('NEAR')
    expect(await run('secrets', 'delete', ...cluster, '--name', 'NEAR')).toContain('Deleted')
    expect(await run('secrets', 'delete', 'project', '--id', inProject, '--name', 'OWN')).toContain('Deleted')
    expect(await run('secrets', 'list', 'project', '--id', inProject)).not.toContain('OWN')
    expect(await run('secrets', 'delete', 'team', '--name', 'TOKEN')).toContain('Deleted')
    expect(await run('secrets', 'list', 'team')).toContain('No data found')
  })
})
