import { generateKeyPairSync, sign } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type ModelVersion, signedText } from '@nabla/api/model'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { eachDatabase } from '../testing/database.ts'
import { startTestServer, type TestServer } from '../testing/server.ts'

type Commit = Parameters<TestServer['client']['model']['commit']>[0]['body']

const corpus = join(import.meta.dirname, '../../../../test/model-corpus')

async function ingest(server: TestServer, dir: string): Promise<string> {
  const { db, trees } = server.running().deps
  const team = await db.selectFrom('teams').select('id').orderBy('createdAt').executeTakeFirstOrThrow()
  return (await trees.ingest(team.id, dir, AbortSignal.any([]))).tree.digest
}

/** Makes a version of files, or of a folder of the corpus, and waits until it is ready or has failed. */
async function upload(
  server: TestServer,
  name: string,
  files: Record<string, string> | string,
  more: Partial<Commit> = {},
) {
  const dir = await mkdtemp(join(tmpdir(), 'nabla-model-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  if (typeof files === 'string') await cp(join(corpus, files, 'model'), dir, { recursive: true })
  else {
    for (const [path, content] of Object.entries(files)) {
      await mkdir(dirname(join(dir, path)), { recursive: true })
      await writeFile(join(dir, path), content, 'latin1')
    }
  }
  const source = { from: 'tree', digest: await ingest(server, dir) } as const
  const made = await server.client.model.commit({ model: name, body: { source, ...more } })
  return untilDone(server, made.reference)
}

function untilDone(server: TestServer, reference: string): Promise<ModelVersion> {
  const look = async () => {
    const found = await server.client.model.resolve({ reference })
    if (found.state === 'preparing') throw new Error('still preparing')
    return found
  }
  return vi.waitFor(look, { timeout: 15_000, interval: 10 })
}

eachDatabase((make) => {
  describe('versions', () => {
    test('are numbered, read, found by number, alias and id alike, and kept while they have an alias', async () => {
      const server = await startTestServer(make)
      const { model } = server.client
      const first = await upload(server, 'digits', 'onnx', { aliases: ['champion'], notes: 'first', type: 'ONNX' })
      expect(first).toMatchObject({ version: 1, state: 'ready', format: 'onnx', parameters: 2410, verdict: 'clean' })
      expect(first).toMatchObject({ aliases: ['champion'], notes: 'first', type: 'ONNX', reference: 'digits:1' })
      const second = await upload(server, 'digits', 'safetensors')
      const read = await model.interpretation({ model: 'digits', version: 'champion' })
      expect(read).toMatchObject({ format: 'onnx', inputs: [{ name: 'image', type: 'float32', shape: ['batch', 64] }] })
      const { nodes } = await model.graph({ model: 'digits', version: '1' })
      expect(nodes.map(({ type }) => type)).toEqual(['Gemm', 'Relu', 'Gemm', 'ArgMax'])

      const { id } = await model.show({ model: 'digits' })
      const references = { 'digits:1': 1, 'digits@champion': 1, [`${id}:1`]: 1, [first.id]: 1, digits: 2, [id]: 2 }
      for (const [reference, version] of Object.entries(references)) {
        expect([reference, (await model.resolve({ reference })).version]).toEqual([reference, version])
      }
      await expect(model.resolve({ reference: 'digits@nobody' })).rejects.toMatchObject({
        code: 'unknown_model_version',
      })
      await expect(model.resolve({ reference: 'no/name' })).rejects.toMatchObject({ code: 'invalid' })

      await expect(model.deleteVersion({ model: 'digits', version: '1' })).rejects.toMatchObject({ code: 'conflict' })
      await model.setAlias({ model: 'digits', alias: 'champion', body: { version: '2' } })
      await model.deleteVersion({ model: 'digits', version: '1' })
      await expect(model.delete({ model: 'digits' })).rejects.toMatchObject({ code: 'conflict' })
      await model.deleteAlias({ model: 'digits', alias: 'champion' })
      await model.delete({ model: 'digits' })
      await expect(model.show({ model: 'digits' })).rejects.toMatchObject({ code: 'not_found' })
      expect(second.digest).toHaveLength(64)
    })

    test('that cannot be are failed with the reason; what nobody knows is custom', async () => {
      const server = await startTestServer(make)
      const lying = await upload(server, 'broken', {
        'model.safetensors': '\u00ff\u00ff\u00ff\u00ff\u00ff\u0000\u0000\u0000{}',
      })
      expect(lying).toMatchObject({ state: 'failed', digest: null, format: null })
      expect(lying.reason).toContain('model.safetensors cannot be read as a model: its header says that it is longer')
      const custom = await upload(server, 'odd', {
        'weights.zzz': 'what is this',
        'gradient-model-metadata.json': '{"metrics":[{"name":"accuracy","numberValue":0.97}]}',
      })
      expect(custom).toMatchObject({ state: 'ready', format: 'custom', metrics: [{ name: 'accuracy', value: 0.97 }] })
      const read = await server.client.model.interpretation({ model: 'odd', version: 'latest' })
      expect(read.warnings).toEqual(['The format is not known here: the files are kept as they are.'])
      await expect(server.client.model.get({ model: 'broken', version: '1', path: 'x' })).rejects.toMatchObject({
        code: 'conflict',
      })
      // Whoever asks for the newest version is told why there is none.
      const none = (model: string) => expect(server.client.model.resolve({ reference: model })).rejects
      await none('broken').toMatchObject({
        code: 'unknown_model_version',
        message: expect.stringContaining('The model broken has no version that is ready: version 1 failed. The file'),
      })
      await server.client.model.create({ body: { name: 'bare' } })
      await none('bare').toMatchObject({ message: 'The model bare has no versions.' })
      expect(await upload(server, 'hollow', {})).toMatchObject({
        state: 'failed',
        reason: expect.stringContaining('A model has at least one file, and there is none.'),
      })
    })

    test('of half an upload are none; several at once have numbers of their own', async () => {
      const server = await startTestServer(make)
      const { model } = server.client
      const half = { from: 'tree', digest: 'a'.repeat(64) } as const
      await expect(model.commit({ model: 'digits', body: { source: half } })).rejects.toMatchObject({
        code: 'not_found',
      })
      await expect(model.show({ model: 'digits' })).rejects.toMatchObject({ code: 'not_found' })
      const made = await Promise.all(['onnx', 'safetensors', 'onnx'].map((name) => upload(server, 'digits', name)))
      expect(made.map(({ version }) => version).toSorted((a, b) => a - b)).toEqual([1, 2, 3])
      expect(made.map(({ state }) => state)).toEqual(['ready', 'ready', 'ready'])
      // The same files twice are two versions with one digest, kept once.
      expect(new Set(made.map(({ digest }) => digest)).size).toBe(2)
    })

    test('are begun anew after a crash', async () => {
      const server = await startTestServer(make)
      const { db } = server.running().deps
      const version = await upload(server, 'digits', 'onnx')
      await db.updateTable('modelVersions').set({ state: 'preparing', digest: null, format: null }).execute()
      await server.restart()
      expect(await untilDone(server, 'digits:1')).toMatchObject({ format: 'onnx', digest: version.digest })
    })
  })

  test('a job leaves a version when it succeeds, with what made it, and another reads it', async () => {
    const server = await startTestServer(make)
    const { db, volumes } = server.running().deps
    const model = { name: 'left', path: 'out', type: 'ONNX' }
    const failing = await server.client.job.create({ body: { command: 'run=1s exit=3', project: 'p', model } })
    await server.untilState(failing.id, 'failed')
    const job = await server.client.job.create({ body: { command: 'run=1s', project: 'p', model } })
    const { id } = await db.selectFrom('volumes').select('id').where('ownerId', '=', job.id).executeTakeFirstOrThrow()
    await volumes.createVolume(id)
    await cp(join(corpus, 'onnx/model'), join(volumes.volumeDir(id), 'out'), { recursive: true })
    await server.untilState(job.id, 'succeeded')
    const version = await untilDone(server, 'left')
    expect(version).toMatchObject({ version: 1, format: 'onnx', type: 'ONNX', source: `job:${job.name}/out` })
    expect(version.lineage).toMatchObject({ job: { id: job.id }, project: { name: 'p' } })
    const { project } = await server.client.model.show({ model: 'left' })
    expect(project?.name).toBe('p')

    const reading = { command: 'run=5s', project: 'p', models: [{ model: 'left' }] }
    const reader = await server.client.job.create({ body: reading })
    expect(reader.models).toEqual([expect.objectContaining({ name: 'left', version: 1, path: '/models/left' })])
    const task = await vi.waitFor(
      () => db.selectFrom('tasks').select('request').where('ownerId', '=', reader.id).executeTakeFirstOrThrow(),
      { timeout: 15_000 },
    )
    expect(JSON.parse(task.request)).toMatchObject({
      volumes: expect.arrayContaining([expect.objectContaining({ target: '/models/left', mode: 'ro' })]) as unknown,
    })
    const use = { kind: 'job', id: reader.id, name: reader.name }
    const uses = () => server.client.model.uses({ model: 'left', version: '1' })
    expect(await uses()).toEqual({ items: [expect.objectContaining({ ...use, holds: true })] })
    await expect(server.client.model.delete({ model: 'left' })).rejects.toMatchObject({ code: 'conflict' })
    await server.untilState(reader.id, 'succeeded')
    expect(await uses()).toEqual({ items: [{ ...use, state: 'succeeded', holds: false }] })
    const again = await server.client.job.clone({ job: reader.id, body: {} })
    expect(again.models).toEqual(reader.models)
    await server.untilState(again.id, 'succeeded')
    const twice = { ...reading, models: [{ model: 'left' }, { model: 'left:1', path: '/models/left/in' }] }
    await expect(server.client.job.create({ body: twice })).rejects.toMatchObject({ code: 'invalid' })
    const system = { ...reading, models: [{ model: 'left', path: '/usr/lib' }] }
    await expect(server.client.job.create({ body: system })).rejects.toMatchObject({ code: 'bad_path' })
    const outside = { ...reading, models: [], model: { name: 'left', path: 'out/../../etc' } }
    await expect(server.client.job.create({ body: outside })).rejects.toMatchObject({ code: 'invalid' })
    await server.client.model.delete({ model: 'left' })
  })

  test('a project takes only versions that are signed, or scanned, where it says so', async () => {
    const server = await startTestServer(make)
    const { model, job } = server.client
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString()
    await job.create({ body: { command: 'run=1s', project: 'strict' } })
    const version = await upload(server, 'plain', 'onnx')
    await upload(server, 'evil', { 'model.pkl': 'cposix\nsystem\n(S"touch /tmp/pwned"\ntR.' })
    expect(await model.resolve({ reference: 'evil' })).toMatchObject({ verdict: 'dangerous', format: 'pickle' })
    const use = (name: string) =>
      job.create({ body: { command: 'run=1s', project: 'strict', models: [{ model: name }] } })
    await use('evil')

    await model.setRule({ project: 'strict', body: { require: 'scanned' } })
    await expect(use('evil')).rejects.toMatchObject({ code: 'model_not_allowed' })
    await use('plain')
    await model.setRule({ project: 'strict', body: { require: 'signed' } })
    await expect(use('plain')).rejects.toMatchObject({ code: 'model_not_allowed' })

    await model.addKey({ body: { name: 'release', publicKey: pem } })
    await expect(model.addKey({ body: { name: 'bad', publicKey: 'x' } })).rejects.toMatchObject({ code: 'invalid' })
    const at = { model: 'plain', version: '1' }
    const wrong = sign(null, Buffer.from(signedText('0'.repeat(64))), privateKey).toString('base64')
    const signing = model.sign({ ...at, body: { key: 'release', signature: wrong } })
    await expect(signing).rejects.toMatchObject({ code: 'bad_signature' })
    const signature = sign(null, Buffer.from(signedText(version.digest!)), privateKey).toString('base64')
    const signed = await model.sign({ ...at, body: { key: 'release', signature } })
    expect(signed.signatures).toMatchObject([{ key: { name: 'release' }, valid: true }])
    await use('plain')
    await model.removeKey({ modelKey: 'release' })
    await expect(use('plain')).rejects.toMatchObject({ code: 'model_not_allowed' })
  })

  test('what was made before is held to the rule of its project when it starts', async () => {
    const server = await startTestServer(make)
    const { deployment, experiment, model } = server.client
    await upload(server, 'plain', 'onnx')
    const more = { project: 'strict', models: [{ model: 'plain' }] }
    const later = await experiment.create({ body: { kind: 'single', command: 'run=1s', name: 'later', ...more } })
    const served = await deployment.create({ body: { name: 'web', command: 'run=600s', start: false, ...more } })
    await model.setRule({ project: 'strict', body: { require: 'signed' } })
    const reason = 'The project strict does not allow the model plain:1: no key of the team has signed it.'
    const refused = { code: 'model_not_allowed', message: reason }
    await expect(deployment.start({ deployment: served.id })).rejects.toMatchObject(refused)
    await expect(deployment.restart({ deployment: served.id })).rejects.toMatchObject(refused)
    await experiment.start({ experiment: later.id })
    const ended = await vi.waitFor(async () => {
      const found = await experiment.show({ experiment: later.id })
      if (found.endedAt === null) throw new Error(`it is ${found.state}`)
      return found
    }, 15_000)
    expect(ended).toMatchObject({ state: 'error', reason: expect.stringContaining(reason) })
    await model.setRule({ project: 'strict', body: { require: 'any' } })
    expect((await deployment.start({ deployment: served.id })).startedAt).not.toBeNull()
    await expect(model.delete({ model: 'plain' })).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('in use by deployment web. A job has to end first; a deployment has to serve'),
    })
  })

  test('a version that is damaged on the disk is neither read nor mounted', async () => {
    const server = await startTestServer(make)
    await upload(server, 'digits', 'onnx')
    const { data } = server.running().config
    await server.restart()
    for (const entry of readdirSync(join(data, 'objects'), { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) damage(join(entry.parentPath, entry.name))
    }
    const reading = server.client.model.get({ model: 'digits', version: '1', path: 'digits.onnx' })
    await expect(reading.then((response) => response.arrayBuffer())).rejects.toThrow()
    const job = await server.client.job.create({
      body: { command: 'run=1s', project: 'p', models: [{ model: 'digits' }], retries: 0 },
    })
    const ended = await server.untilState(job.id, 'error')
    expect(ended.reason).toMatch(/damaged on the disk of the server: chunk [0-9a-f]{64}/)
  })
})

/** Turns over a bit in each part of a file. */
function damage(path: string): void {
  const bytes = readFileSync(path)
  for (let at = 100; at < bytes.length; at += 200) bytes[at] = bytes[at]! ^ 1
  writeFileSync(path, bytes)
}
