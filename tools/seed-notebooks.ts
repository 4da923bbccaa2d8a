import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Client } from '@nabla/api/client'
import type { RunningServer } from '@nabla/server'

/** Puts notebooks in several states onto a server with the fake engine: with files, versions and a share. */
export async function seedNotebooks(client: Client, { deps }: Pick<RunningServer, 'deps'>): Promise<void> {
  const make = (name: string, fake: string, more: object = {}) =>
    client.notebook.create({
      body: { name, project: 'digits', machineType: 'small', env: { FAKE: fake }, idleLimitSeconds: 7200, ...more },
    })
  const saved = await make('look-at-digits', 'run=36000s', { tags: ['demo'], packages: ['scikit-learn', 'matplotlib'] })
  await writeFiles(deps, saved.id)
  await answers(client, deps, saved.id, { busyKernels: 0, connections: 1 }, 0)
  await client.notebook.stop({ notebook: saved.id, body: { graceSeconds: 0 } })
  await client.notebook.wait({ notebook: saved.id, state: ['stopped', 'error'], seconds: 60 })
  await untilSaved(client, saved.id)
  await client.notebook.share({ notebook: saved.id })

  // While the machine has room: it starts, and fails.
  const broken = await make('no-jupyter', 'run=1s exit=97')
  const { state } = await client.notebook.wait({ notebook: broken.id, state: 'error', seconds: 60 })
  if (state !== 'error') throw new Error(`the notebook without Jupyter is ${state}`)
  const up = await make('train-a-network', 'run=36000s', { tags: ['gpu', 'paper'] })
  await writeFiles(deps, up.id)
  await answers(client, deps, up.id, { busyKernels: 1, connections: 3 }, 0)
  const idle = await make('left-alone', 'run=36000s')
  await answers(client, deps, idle.id, { busyKernels: 0, connections: 0 }, 7_000_000)
  await make('just-started', 'start=3600s run=36000s')
  await client.notebook.create({ body: { name: 'for-later', project: 'speech', start: false } })
}

async function writeFiles(deps: RunningServer['deps'], id: string): Promise<void> {
  const row = await deps.db.selectFrom('notebooks').select('filesId').where('id', '=', id).executeTakeFirstOrThrow()
  const folder = deps.volumes.volumeDir(row.filesId)
  mkdirSync(join(folder, 'data'), { recursive: true })
  writeFileSync(join(folder, 'data', 'digits.csv'), 'pixel,label\n0,3\n1,7\n')
  writeFileSync(join(folder, 'digits.ipynb'), JSON.stringify(document))
}

/** What Jupyter would have said: there is none on the fake engine. */
async function answers(
  client: Client,
  deps: RunningServer['deps'],
  id: string,
  seen: { busyKernels: number; connections: number },
  unusedMs: number,
): Promise<void> {
  await client.notebook.wait({ notebook: id, state: 'provisioning', seconds: 60 })
  const at = new Date(deps.clock.now()).toISOString()
  const used = new Date(deps.clock.now() - unusedMs).toISOString()
  const activity = JSON.stringify({ at, kernels: 2, terminals: 1, busyTerminals: 0, busyGpus: 0, ...seen })
  await deps.db
    .updateTable('notebooks')
    .set(({ eb }) => ({ readyAt: used, activity, lastActivityAt: used, version: eb('version', '+', 1) }))
    .where('id', '=', id)
    .execute()
  deps.loop.wake(id)
  await client.notebook.wait({ notebook: id, state: 'running', seconds: 60 })
}

async function untilSaved(client: Client, notebook: string): Promise<void> {
  for (let tries = 0; tries < 600; tries += 1) {
    const { items } = await client.notebook.versions({ notebook })
    if (items[0]?.state === 'ready') return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(
    `the version of the notebook was not saved: ${JSON.stringify(await client.notebook.versions({ notebook }))}`,
  )
}

const dot = 'iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAIAAAACUFjqAAAAEklEQVR4nGNkYPjPgBsw4ZFjGLnSAPz9ARM3P1e9AAAAAElFTkSuQmCC'
const code = (source: string, count: number, outputs: object[], tags: string[] = []) => ({
  id: `cell${count}`,
  cell_type: 'code',
  execution_count: count,
  metadata: { tags },
  source,
  outputs,
})

const document = {
  nbformat: 4,
  nbformat_minor: 5,
  metadata: { kernelspec: { name: 'python3', display_name: 'Python 3', language: 'python' } },
  cells: [
    {
      id: 'intro',
      cell_type: 'markdown',
      metadata: {},
      source: '# Digits\nA **small network** that reads handwritten digits. See `data/digits.csv`.',
    },
    code('rate = 0.01\nepochs = 12', 1, [], ['parameters']),
    code('for epoch in range(3):\n    print("epoch", epoch, "loss", 2.19 / (epoch + 1))', 2, [
      { output_type: 'stream', name: 'stdout', text: 'epoch 0 loss 2.19\nepoch 1 loss 1.095\nepoch 2 loss 0.73\n' },
    ]),
    code('plt.imshow(image)', 3, [
      { output_type: 'display_data', metadata: {}, data: { 'image/png': dot, 'text/plain': '<Figure size 640x480>' } },
    ]),
    code('1 / 0', 4, [
      {
        output_type: 'error',
        ename: 'ZeroDivisionError',
        evalue: 'division by zero',
        traceback: ['\u001B[31mZeroDivisionError\u001B[39m: division by zero'],
      },
    ]),
  ],
}
