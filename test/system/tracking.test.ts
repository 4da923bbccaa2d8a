import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { findMedia, tablesOf } from '../../packages/console/src/pages/run/media-steps.ts'
import { pythonWith } from './support/python.ts'
import { useServerProcess } from './support/server-process.ts'

const python = await pythonWith('mlflow')
const scripts = join(import.meta.dirname, '../python')

describe.skipIf(python === null)('the real client of MLflow (skipped where pip cannot fetch it)', () => {
  const server = useServerProcess()
  // Importing all of it takes minutes where others are busy.
  const options = { timeout: 420_000 }

  test('tracks from outside: runs, search, files, and what is refused', options, async () => {
    const { url, key } = server()
    const { stdout } = await promisify(execFile)(python!, [join(scripts, 'track_outside.py')], {
      env: {
        PATH: process.env['PATH'],
        MLFLOW_TRACKING_URI: url,
        MLFLOW_TRACKING_USERNAME: 'me',
        MLFLOW_TRACKING_PASSWORD: key,
      },
    })
    const found: unknown = JSON.parse(stdout.trim().split('\n').at(-1)!)
    expect(found).toEqual({
      status: 'FINISHED',
      history: ['1.0', 'nan', 'inf', '0.5'],
      files: ['deep', 'hello.txt'],
      file: { x: 1 },
      searches: [
        ['child'],
        ['child'],
        ['parent'],
        ['parent'],
        [],
        ['parent'],
        ['child'],
        ['child', 'parent'],
        ['parent', 'child'],
      ],
      pages: ['child', 'parent'],
      refusals: [
        'INVALID_PARAMETER_VALUE',
        'INVALID_PARAMETER_VALUE',
        'RESOURCE_DOES_NOT_EXIST',
        'RESOURCE_ALREADY_EXISTS',
      ],
      afterDelete: ['parent'],
      afterRestore: 2,
      many: true,
      large: true,
    })
  })

  test('tracks inside a job with no set-up, into the run of the job, which ends with it', options, async () => {
    const { client, url, log } = server()
    const script = readFileSync(join(scripts, 'track_in_job.py'), 'utf8')
    const command = `cat > track.py <<'END'\n${script}\nEND\n${python} track.py`
    const { id } = await client.job.create({ body: { command, project: 'digits' } })
    const job = await expect
      .poll(() => client.job.show({ job: id }), { timeout: 400_000, interval: 300 })
      .toMatchObject({ endedAt: expect.any(String) })
      .then(() => client.job.show({ job: id }))
    const { items } = await client.job.logs({ job: id })
    const output = items.map(({ text }) => text).join('\n')
    expect(job, output).toMatchObject({ state: 'succeeded' })
    expect(output).toContain('jobs answer 403')

    const runs = (await client.run.list({ job: id })).items
    expect(runs.map(({ name }) => name).toSorted()).toEqual([job.name, 'fold 1', 'keras', 'left open'].toSorted())
    const own = await client.run.show({ run: id })
    expect(own).toMatchObject({ state: 'finished', source: 'job', job: { id }, project: { name: 'digits' } })
    expect(own.metrics).toMatchObject({
      loss: { value: 0.2, step: 4, count: 5 },
      pushed: { value: 42, step: 7 },
      training_score: { count: 1 },
    })
    expect(own.params).toMatchObject({ max_iter: '400' })
    expect(runs.find(({ name }) => name === 'fold 1')).toMatchObject({ parentRunId: own.id })
    // What Keras logs by itself, at the end of each of three epochs.
    expect(runs.find(({ name }) => name === 'keras')).toMatchObject({
      parentRunId: own.id,
      metrics: { loss: { step: 2, count: 3 } },
      params: { epochs: '3', optimizer_name: 'sgd' },
    })
    expect(runs.find(({ name }) => name === 'left open')).toMatchObject({
      state: 'finished',
      endedAt: expect.any(String),
    })

    const files = await client.artifact.list({ job: id, recursive: true })
    const paths = files.items.map(({ path }) => path)
    expect(paths).toContain(`runs/${own.id}/notes/hello.txt`)
    // Pictures by step and tables are found by these names in the console.
    const media = findMedia(files.items, tablesOf(own), own.id)
    expect(media.map(({ key, items }) => [key, items.map(({ step }) => step)])).toEqual([
      ['images/samples/big', [1, 2]],
      [`runs/${own.id}/predictions.json`, [null]],
    ])
    expect(paths.some((path) => /^models\/m-[0-9a-f]{32}\/MLmodel$/.test(path))).toBe(true)
    const { curves } = await client.run.curves({ body: { runs: [own.id], metrics: ['loss'] } })
    expect(curves[0]?.points.map(([step]) => step)).toEqual([0, 1, 2, 3, 4])

    const late = await fetch(`${url}/api/2.0/mlflow/runs/get?run_id=${own.id}`, {
      headers: { authorization: `Bearer nablajob_${id}_${'0'.repeat(40)}` },
    })
    expect(late.status).toBe(401)
    expect(log()).not.toContain('failed by a bug')
  })
})
