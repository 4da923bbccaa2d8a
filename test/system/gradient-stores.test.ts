import { describe, expect, onTestFinished, test } from 'vitest'
import { putObject, s3ServerProgram, startS3 } from '../../packages/server/src/testing/s3.ts'
import { idIn, useGradientClient } from './support/gradient.ts'
import { pythonWith } from './support/python.ts'
import { useServerProcess } from './support/server-process.ts'

const python = await pythonWith('gradient')
const s3 = s3ServerProgram()
const options = { timeout: 180_000 }

describe.skipIf(python === null)('the real client of Gradient: buckets and logs (skipped without pip)', () => {
  const server = useServerProcess({ settings: { cpuOvercommit: 4, fetchHosts: ['127.0.0.1'] } })
  const gradient = useGradientClient(python, server)
  const ask = async (path: string, body?: unknown) => {
    const answer = await fetch(`${server().url}/gradient${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { 'x-api-key': server().key, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return (await answer.json()) as Record<string, never>
  }
  /** The status of what is sent by another method. */
  const send = async (method: string, path: string, body?: unknown) => {
    const headers = { 'x-api-key': server().key, ...(body === undefined ? {} : { 'content-type': 'application/json' }) }
    const sent = body === undefined ? {} : { body: JSON.stringify(body) }
    return (await fetch(`${server().url}/gradient${path}`, { method, headers, ...sent })).status
  }
  const project = async (name: string) => idIn(await gradient().run('projects', 'create', '--name', name), 'pr')
  const container = 'paperspace/tensorflow-python'

  test('storage providers: create, list, details, update, delete, and a dataset that names one', options, async () => {
    const { run } = gradient()
    const keys = ['--accessKey', 'AK', '--secretAccessKey', 'hush']
    const create = ['storageProviders', 'create', 's3', '--name', 'own']
    const id = idIn(await run(...create, '--bucket', 'sets', ...keys, '--region', 'eu-west-1'), 'spl')
    expect(await run('storageProviders', 'list')).toMatch(new RegExp(`splnabla[^]*own +\\| ${id} +\\| s3`))
    const update = ['storageProviders', 'update', 's3', '--id', id, '--name', 'mine']
    expect(await run(...update, '--bucket', 'others', '--endpoint', 'https://minio.example.com')).toContain('Updated')
    const details = await run('storageProviders', 'details', '--id', id)
    expect(details).toMatch(/Name +\| mine[^]*others[^]*minio\.example\.com/)
    expect(details).not.toContain('hush')
    const dataset = ['datasets', 'create', '--name', 'elsewhere', '--storageProviderId']
    const made = idIn(await run(...dataset, id), 'ds')
    // Its files are here, whatever was meant, and it says so.
    expect(await run('datasets', 'details', '--id', made)).toContain('nabla')
    expect(await run(...dataset, 'splnothing')).toContain('There is no storage provider splnothing.')
    expect(await run(...create, '--bucket', '../x', ...keys)).toContain('not one of S3')
    expect(await run(...create, '--bucket', 'x', ...keys, '--signatureVersion', 'v2')).toContain('version 4 only')
    expect(await run('storageProviders', 'delete', '--id', 'splnabla')).toContain('this server itself')
    expect(await run('storageProviders', 'delete', '--id', id)).toContain('Deleted')
    expect(await run('storageProviders', 'details', '--id', id)).toContain(`There is no storage provider ${id}.`)
  })

  test.skipIf(s3 === undefined)(
    'an experiment reads a bucket, by the keys of its storage provider (skipped without the S3 server of the tests)',
    options,
    async () => {
      const { run } = gradient()
      const store = await startS3(s3!)
      onTestFinished(() => store.stop())
      const settings = store.newBucket()
      const { endpoint, bucket, accessKeyId, secretAccessKey } = settings
      await putObject(settings, 'faces/a.txt', 'a face')
      const place = ['--bucket', bucket, '--endpoint', endpoint]
      const create = ['storageProviders', 'create', 's3', '--name', 'bucket', ...place]
      await run(...create, '--accessKey', accessKeyId, '--secretAccessKey', secretAccessKey)
      const inProject = await project('mounts')
      const read = 'experiments run singlenode --name reads --machineType C1'.split(' ')
      const from = ['--datasetUri', `s3://${bucket}/faces`, '--datasetName', 'pictures']
      const command = ['--command', 'echo first; cat /data/pictures/a.txt; echo " was read"']
      const output = await run(...read, '--projectId', inProject, '--container', container, ...command, ...from)
      expect(output).toContain('a face was read')
      expect(output).toContain(`${server().url}/projects/${inProject}/experiments/${idIn(output, 'e')}`)
      expect(await run('experiments', 'metrics', 'get', '--id', idIn(output, 'e'))).toContain('"cpuPercentage"')
      const model = ['models', 'create', '--name', 'of-data', '--modelType', 'Custom', '--datasetRef']
      const data = await server().client.dataset.show({ dataset: `${bucket}-faces` })
      const made = idIn(await run(...model, `${data.id}:1`), 'mo')
      expect(await run('models', 'details', '--id', made)).toContain('of-data')
      expect((await server().client.dataset.list({})).items.map(({ name }) => name)).toContain(`${bucket}-faces`)
      const none = [
        'experiments',
        'create',
        'singlenode',
        '--projectId',
        inProject,
        '--name',
        'x',
        '--machineType',
        'C1',
      ]
      expect(
        await run(
          ...none,
          '--container',
          container,
          '--command',
          'true',
          '--datasetUri',
          'ftp://x/y',
          '--datasetName',
          'n',
        ),
      ).toContain('is not s3://BUCKET/KEY')
    },
  )

  test('quirk 13: what is changed by POST, and what by PUT', options, async () => {
    const { id } = await ask('/datasets', { name: 'by-post' })
    const { version } = await ask(`/datasets/${id}/versions`, {})
    const config = { bucket: 'b', accessKey: 'a', secretAccessKey: 's' }
    const provider = await ask('/storageProviders', { type: 's3', name: 'by-post', config })
    expect(await ask(`/datasets/${id}`, { description: 'new' })).toMatchObject({ description: 'new' })
    expect(await ask(`/datasets/${id}/versions/${version}`, { message: 'new' })).toMatchObject({ message: 'new' })
    expect(await ask(`/storageProviders/${provider['id']}`, { name: 'newer' })).toMatchObject({ name: 'newer' })
    const body = { kind: 'single', name: 'by-put', project: 'puts', command: 'true', start: false } as const
    const experiment = await server().client.experiment.create({ body })
    const put = (path: string, given?: unknown) => send('PUT', path, given)
    expect(await put(`/experiments/v2/experiments/${experiment.id}/start/`)).toBe(200)
    expect(await put(`/experiments/v2/experiments/${experiment.id}/stop/`)).toBe(200)
    expect(await put('/entityTags/updateTags', { entity: 'experiment', entityId: experiment.id, tags: ['t'] })).toBe(
      200,
    )
    expect(await put('/teams/secrets/BY_PUT', { value: 'x' })).toBe(200)
    expect(await send('DELETE', '/teams/secrets/BY_PUT')).toBe(200)
    // The other way round there is nothing.
    expect(await put(`/datasets/${id}`, { description: 'x' })).toBe(404)
    expect(await send('POST', '/teams/secrets/BY_PUT', { value: 'x' })).toBe(404)
    const boards = { added_experiments: [], removed_experiments: [] }
    expect(await put('/tensorboards/v1/tbnothing', boards)).toBe(404)
    expect(await send('POST', '/deployments/v2/updateDeployment', { id: 'none', upd: {} })).toBe(404)
    expect(await send('POST', '/machines/m/updateMachinePublic', {})).toBe(400)
  })

  // The last of all: the port is another one then.
  test('quirk 8: lines of an experiment keep their numbers when the server starts anew', options, async () => {
    const command =
      'for i in 1 2 3; do echo $INDEX-$i; done; while [ ! -e /storage/go-on ]; do sleep 0.1; done; echo $INDEX-end'
    const roles = [{ name: 'worker', count: 2, command }]
    const body = { kind: 'multi-node', scheme: 'none', project: 'follows', roles, start: true } as const
    const { id } = await server().client.experiment.create({ body })
    const rows: { line: number; message: string }[] = []
    const more = async () =>
      void rows.push(
        ...((await ask(`/jobs/logs?experimentId=${id}&line=${rows.length}&limit=4`)) as unknown as typeof rows),
      )
    const printed = () => rows.map(({ message }) => message).filter((message) => /^\d-/.test(message))
    while (printed().length < 6) await more()
    await server().kill()
    await server().start()
    await server().client.storage.put({ path: 'go-on', body: '' })
    while (rows.at(-1)?.message !== 'PSEOF') await more()
    expect(rows.map(({ line }) => line)).toEqual(rows.map((_, at) => at + 1))
    expect(printed().toSorted()).toEqual(['0-1', '0-2', '0-3', '0-end', '1-1', '1-2', '1-3', '1-end'])
  })
})
