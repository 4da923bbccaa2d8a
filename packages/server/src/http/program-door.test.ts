import { request } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { adminKey, jobKey, standInApp } from '../testing/stand-in-app.ts'
import { openProgramDoor, type ProgramDoor } from './program-door.ts'

const { app } = standInApp({
  pages: {
    async serve(_request, reply) {
      await reply.send('a page')
      return true
    },
  },
})
let door: ProgramDoor
beforeAll(async () => {
  door = await openProgramDoor()
})
afterAll(async () => {
  await door.close()
  await app.close()
})

const ask = (method: string, path: string, key?: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const headers = key === undefined ? {} : { authorization: `Bearer ${key}` }
    const asked = request({ host: '127.0.0.1', port: door.port, method, path, headers }, (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    asked.on('error', reject).end()
  })

test('by the door of programs nothing is had but with the key of a job, and with it only what that is for', async () => {
  expect(await ask('GET', '/api/v1/runs', jobKey)).toBe(503)
  await app.ready()
  door.serve(app)
  const open: string[] = []
  for (const { method, path } of app.registeredRoutes.filter(({ method }) => method !== 'HEAD')) {
    const place = path.replace(/:\w+/g, 'x').replace('*', 'x')
    expect([method, path, await ask(method, place)]).toEqual([method, path, expect.toBeOneOf([401, 403])])
    expect([method, path, await ask(method, place, adminKey)]).toEqual([method, path, 403])
    if ((await ask(method, place, jobKey)) !== 403) open.push(path)
  }
  expect(open.length).toBeGreaterThan(10)
  expect(open.filter((path) => !/^\/api\/v1\/(runs|run-|models|sweeps\/:sweep\/(ask|trials))/.test(path))).toEqual([])
  expect(open).toContain('/api/v1/sweeps/:sweep/trials/:number/tell')
  for (const key of [undefined, adminKey]) expect(await ask('GET', '/', key)).toBe(403)
  expect(await ask('GET', '/', jobKey)).toBe(403)
})
