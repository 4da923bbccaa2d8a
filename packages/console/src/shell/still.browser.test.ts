import { join } from 'node:path'
import type { Client } from '@nabla/api/client'
import { beforeAll, expect, test } from 'vitest'
import { noBrowser } from '../testing/browser.ts'
import { seedExperiments, seedRuns } from '../../../../tools/seed-runs.ts'
import { seedSweeps } from '../../../../tools/seed-sweeps.ts'
import { describeConsole, type TestConsole } from '../testing/console.ts'
import { openSlowly } from '../testing/stillness.ts'

/** What may move in all: a few words, a little. Half of a page that moves by the height of a line scores 0.007. */
const mostScore = 0.002

const size = {
  wide: { width: 1440, height: 900 },
  narrow: { width: 390, height: 844 },
}

describeConsole('while answers come in', (console) => {
  beforeAll(async () => {
    if (noBrowser !== undefined) return
    const { client } = console()
    await seedRuns(client)
    await seedExperiments(client)
    await client.notebook.create({ body: { name: 'later', project: 'speech', start: false } })
    await seedSweeps(client, 24)
    await seedOneOfEach(client)
    await uploadModel(console())
  })

  test.for([
    ['home', 'wide', ['/', '/activity']],
    ['machines', 'wide', ['/machines', '/settings/account']],
    ['lists', 'wide', ['/jobs', '/projects', '/notebooks']],
    ['lists with more above them', 'wide', ['/runs', '/data/storage', '/projects/digits?tab=settings']],
    ['pages of one', 'wide', ['/jobs/long-training', '/notebooks/later', '/experiments/digits-distributed']],
    [
      'sweeps',
      'wide',
      ['/sweeps', ...['', '?tab=trials', '?tab=parallel'].map((tab) => `/sweeps/learning-rate${tab}`)],
    ],
    ['versions of a notebook', 'wide', ['/notebooks/later?tab=versions']],
    ['models', 'wide', ['/models', '/models/digits', '/models/digits?tab=versions']],
    ['datasets', 'wide', ['/data/datasets', '/data/datasets/readme']],
    ['deployments', 'wide', ['/deployments', '/deployments/for-later', '/deployments/for-later?tab=revisions']],
    ['workflows', 'wide', ['/workflows', '/workflows/nightly', '/workflows/nightly/runs/1']],
    ['a phone', 'narrow', ['/', '/jobs', '/data/storage']],
  ] as [string, keyof typeof size, string[]][])('nothing moves: %s', async ([, width, paths]) => {
    expect(await shiftsOf(console(), size[width], paths)).toEqual([])
  })
})

/** A deployment, a workflow that runs, and a dataset. */
async function seedOneOfEach(client: Client): Promise<void> {
  const deployment = { project: 'tracked', machineType: 'small', port: 8000, command: 'run=1s', start: false }
  await client.deployment.create({ body: { ...deployment, name: 'for-later' } })
  await client.workflow.create({ body: { name: 'nightly', project: 'digits' } })
  const job = { uses: 'script@v1' as const, with: { script: ' run=3600s ' }, resources: { 'instance-type': 'small' } }
  const spec = { jobs: { train: job, report: { ...job, needs: ['train'] } } }
  await client.workflow.run({ workflow: 'nightly', body: { spec } })
  const source = { from: 'storage' as const, path: 'datasets' }
  await client.dataset.commit({ dataset: 'readme', body: { source } })
}

/** Models are made of files that are sent in parts: the page knows how. */
async function uploadModel({ open }: TestConsole): Promise<void> {
  const page = await open('/models')
  await page.getByRole('button', { name: 'Upload model' }).first().click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('textbox', { name: 'Name' }).fill('digits')
  const corpus = join(import.meta.dirname, '../../../../test/model-corpus')
  await dialog.getByLabel('File of the model').setInputFiles(join(corpus, 'onnx/model/digits.onnx'))
  await dialog.getByText('digits.onnx: 1 file').waitFor()
  await dialog.getByRole('button', { name: 'Upload' }).click()
  await page.getByText('nabla-corpus 1.0').waitFor()
}

/** What moved on each page on which more did than may, in words. */
async function shiftsOf(
  { open, url }: TestConsole,
  window: { width: number; height: number },
  paths: readonly string[],
): Promise<string[]> {
  const page = await open('/healthz', window)
  const openOne = await openSlowly(page)
  const found: string[] = []
  for (const path of paths) {
    const shifts = await openOne(url + path)
    const sum = shifts.reduce((total, { score }) => total + score, 0)
    if (sum <= mostScore) continue
    for (const { score, after, moved } of shifts) {
      found.push(`${path}: ${score.toFixed(4)} after ${after}: ${moved.join('; ')}`)
    }
  }
  return found
}
