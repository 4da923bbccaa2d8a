import { once } from 'node:events'
import { globSync, readFileSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { pythonWith } from './support/python.ts'
import { ended, until, useServerProcess } from './support/server-process.ts'

const python = await pythonWith('mlflow')
const script = readFileSync(join(import.meta.dirname, '../python/write_events.py'), 'utf8')

describe.skipIf(python === null)('TensorBoard (skipped where pip cannot fetch what writes event files)', () => {
  const server = useServerProcess()
  // Importing all of it takes minutes where others are busy.
  const options = { timeout: 420_000 }

  test(
    'event files are metrics while they are written, over a kill of the server, and a TensorBoard shows them',
    options,
    async () => {
      const command = `cat > write.py <<'END'\n${script}\nEND\n${python} write.py`
      const model = { name: 'written', path: 'logs' }
      const { id } = await server().client.job.create({ body: { command, project: 'digits', name: 'writes', model } })
      const loss = async (count: number) => {
        const { state } = await server().client.job.show({ job: id })
        expect(state).toBe('running')
        const run = await server().client.run.show({ run: id })
        expect(run.metrics['loss']).toMatchObject({ count, step: count - 1 })
      }
      await until(() => loss(1000), 300_000)
      await server().kill()
      await server().start()
      const board = await server().client.tensorboard.create({ body: { jobs: [id], name: 'of it' } })
      await server().client.storage.put({ path: 'go-on', body: '' })
      expect(await ended(server(), id)).toMatchObject({ state: 'succeeded' })

      const { client } = server()
      const run = await client.run.show({ run: id })
      expect(run).toMatchObject({ state: 'finished', source: 'job', job: { id } })
      expect(Object.keys(run.metrics).toSorted()).toEqual(['loss', 'odd', 'train/epoch_loss', 'validation/epoch_loss'])
      expect(run.metrics).toMatchObject({
        loss: { value: 0.0005, step: 1999, count: 2000 },
        odd: { value: 'NaN', step: 3 },
        'train/epoch_loss': { value: 0.5, step: 1, count: 1 },
        'validation/epoch_loss': { value: 0.25, step: 1, count: 1 },
      })
      // A model that it leaves has what the training came to, also of event files that are not in its folder.
      const made = await until(async () => {
        const version = await client.model.resolve({ reference: 'written' })
        expect(version.state).toBe('ready')
        return version
      })
      expect(made.metrics.map(({ name }) => name)).toEqual(['loss', 'train/epoch_loss', 'validation/epoch_loss'])
      expect(made.metrics[0]?.value).toBeCloseTo(0.0005)
      const { items: files } = await client.run.files({ run: id, path: '', recursive: 'true' })
      const kept = files
        .filter(({ type }) => type === 'file')
        .map(({ path }) => path.replace(/%timestamp.*%events/, ''))
      expect(kept.toSorted()).toEqual([
        'histograms/weights%step%1.histogram.json',
        'images/a#picture%step%1.png',
        'texts/said%step%1.md',
      ])
      const { items } = await client.run.history({ run: id, metric: 'loss', limit: 5000 })
      expect(items.map(({ step }) => step)).toEqual(Array.from({ length: 2000 }, (_, step) => step))

      const tags = await until(async () => {
        const { state, reason } = await client.tensorboard.show({ tensorboard: board.id })
        expect(['starting', 'running'], reason ?? '').toContain(state)
        const { address, token } = await client.tensorboard.open({ tensorboard: 'of it', body: {} })
        const found = await ask(server().url, `${address}data/plugin/scalars/tags`, token)
        expect(found.status, found.text).toBe(200)
        const shown = JSON.parse(found.text) as Record<string, Record<string, unknown>>
        expect(Object.keys(shown)).toEqual(['writes/logs'])
        return shown
      }, 300_000)
      expect(Object.keys(tags['writes/logs']!).toSorted()).toEqual(['loss', 'odd'])
      const { address } = await client.tensorboard.open({ tensorboard: board.id, body: {} })
      expect(await ask(server().url, address)).toMatchObject({ status: 401 })
      // Another task of this machine finds where it listens, but has not the key.
      const around = await fetch(`http://${listenAddress(server().data)}:6006/`)
      expect(around.status).toBe(403)

      await client.tensorboard.stop({ tensorboard: board.id })
      await until(async () => {
        expect(await client.tensorboard.show({ tensorboard: board.id })).toMatchObject({ state: 'stopped' })
      })
      expect(server().log()).not.toContain('event files could not be read')
    },
  )
})

/** Names below `localhost` are this machine, whether or not it knows them. */
async function ask(server: string, address: string, token?: string): Promise<{ status: number; text: string }> {
  const { host, pathname, search } = new URL(address)
  const headers = { host, ...(token !== undefined && { authorization: `Bearer ${token}` }) }
  const sent = request(new URL(pathname + search, server), { headers })
  sent.end()
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  return { status: answer.statusCode ?? 0, text: await text(answer) }
}

/** Where a task of this server listens that has an address of its own. */
function listenAddress(data: string): string {
  const specs = globSync(join(data, 'process/tasks/*/spec.json')).map((path) => readFileSync(path, 'utf8'))
  return specs.flatMap((spec) => (JSON.parse(spec) as { listenAddress?: string }).listenAddress ?? [])[0]!
}
