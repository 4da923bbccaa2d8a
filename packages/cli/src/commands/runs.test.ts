import { createClient } from '@nabla/api/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { aFolder, runCli } from '../testing/run-cli.ts'
import { startServer, type TestServer } from '../testing/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

test('compares three runs side by side where they fit, else one below the other, and leaves none out', async () => {
  const cwd = await aFolder('compared')
  const client = createClient({ url: server.url, key: server.key })
  const ids: string[] = []
  for (const [name, rate] of [
    ['small', '0.1'],
    ['medium', '0.2'],
    ['a-rather-large-network', '0.3'],
  ] as const) {
    const { id } = await client.run.create({ body: { project: 'compared', name } })
    const metrics = [1, 2, 3].map((step) => ({
      name: 'loss',
      value: Number(rate) / step,
      step,
      at: new Date(step * 1000).toISOString(),
    }))
    await client.run.log({ run: id, body: { params: { learning_rate: rate }, metrics } })
    ids.push(id)
  }
  const compare = async (columns: number) => {
    const { stdout } = await runCli(['runs', 'compare', ...ids], {
      cwd,
      columns,
      env: { ...server.env, NO_COLOR: '1' },
    })
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(columns)
    return stdout
  }
  expect(await compare(120)).toMatch(/params\.learning_rate +0\.1 +0\.2 +0\.3/)
  const narrow = await compare(60)
  for (const value of ['small', 'medium', 'a-rather', '0.1', '0.2', '0.3']) expect(narrow).toContain(value)
  expect(narrow).toMatch(/loss +small +0\.033333 [▁-█]{3}\n/)

  const csv = await runCli(['runs', 'compare', ...ids, '--metrics', 'loss', '--csv'], { cwd, env: server.env })
  const [head, first, ...others] = csv.stdout.trimEnd().split('\r\n')
  expect(head).toBe('run,id,metric,step,time,value,least,most')
  expect(first).toBe(`small,${ids[0]},loss,1,1970-01-01T00:00:01.000Z,0.1,0.1,0.1`)
  expect(others).toHaveLength(8)
})
