import { expect, test } from 'vitest'
import { type ServerProcess, startServerProcess, until } from './support/server-process.ts'

const programs = 4
const kills = 3

test(
  'values that were acknowledged are there after kill -9 of the server, none is there twice',
  { timeout: 240_000 },
  async () => {
    const server = await startServerProcess()
    const { id } = await server.client.run.create({ body: { project: 'crash', name: 'survives' } })
    const acknowledged = Array.from({ length: programs }, () => new Set<number>())
    let isOver = false
    const log = async (program: number) => {
      for (let step = 0; !isOver; step++) {
        // Like a client that repeats what had no answer, with the same time.
        const value = { name: `m${program}`, step, value: step / 8, at: new Date(1e12 + step).toISOString() }
        if (await logged(server, id, value, () => isOver)) acknowledged[program]!.add(step)
      }
    }
    const logging = Array.from({ length: programs }, (_, program) => log(program))
    for (let kill = 1; kill <= kills; kill++) {
      const before = countOf(acknowledged)
      await until(() => expect(countOf(acknowledged)).toBeGreaterThan(before + 25))
      await server.kill()
      await server.start()
    }
    isOver = true
    await Promise.all(logging)

    for (const [program, steps] of acknowledged.entries()) {
      const { items, next } = await server.client.run.history({ run: id, metric: `m${program}`, limit: 25_000 })
      expect(next).toBeNull()
      const found = items.map(({ step }) => step)
      expect(new Set(found).size).toBe(found.length)
      expect([...steps].filter((step) => !found.includes(step))).toEqual([])
      expect(items.every(({ step, value }) => value === step / 8)).toBe(true)
      const { metrics } = await server.client.run.show({ run: id })
      expect(metrics[`m${program}`]).toMatchObject({ count: found.length, step: Math.max(...found) })
    }
  },
)

interface Value {
  name: string
  step: number
  value: number
  at: string
}

/** Tries until it is acknowledged, or all is over. */
async function logged(server: ServerProcess, run: string, value: Value, isOver: () => boolean): Promise<boolean> {
  return until(async () => {
    try {
      await server.client.run.log({ run, body: { metrics: [value] } })
      return true
    } catch (error) {
      if (isOver()) return false
      throw error
    }
  })
}

const countOf = (sets: readonly ReadonlySet<number>[]): number => sets.reduce((sum, { size }) => sum + size, 0)
