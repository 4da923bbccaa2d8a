import { beforeAll, beforeEach, expect, test } from 'vitest'
import { newId } from '../lib/ids.ts'
import { callAs, type KindDeps, kindDeps } from '../testing/call.ts'
import { eachDatabase, type TestDatabase } from '../testing/database.ts'
import { aCaller } from '../testing/fixtures.ts'
import type { Caller } from './kind.ts'
import { registryHandlers, resolveLogin, resolveLogins } from './registry.ts'

eachDatabase((make) => {
  let database: TestDatabase
  let deps: KindDeps
  let ada: Caller
  beforeAll(async () => {
    database = await make()
  })
  beforeEach(async () => {
    deps = kindDeps(database)
    ada = await aCaller(database.db, { role: 'member' })
  })
  const as = (caller: Caller) => callAs('registry', registryHandlers, deps, caller)
  const login = (image: string, name: string | null = null) => resolveLogin(deps, ada.teamId, image, name)
  const hub = { name: 'hub', host: 'index.docker.io', username: 'ada', password: 'first' }

  test('a login is used for images of its host, the first one unless another is named', async () => {
    expect((await as(ada).create({ body: hub })).host).toBe('docker.io')
    deps.clock.advance(1000)
    await as(ada).create({ body: { name: 'work', host: 'Docker.IO', username: 'work', password: 'second' } })
    await as(ada).create({ body: { name: 'lab', host: 'lab.local:5000', username: 'lab', password: 'third' } })
    expect(await login('python:3.13')).toEqual({ username: 'ada', password: 'first' })
    expect(await login('docker.io/me/x', 'work')).toEqual({ username: 'work', password: 'second' })
    expect(await login('lab.local:5000/x@sha256:' + 'a'.repeat(64))).toEqual({ username: 'lab', password: 'third' })
    expect(await login('lab.local/x')).toBeNull()
    await expect(login('python', 'lab')).rejects.toMatchObject({ code: 'invalid' })
    await expect(login('python', 'missing')).rejects.toMatchObject({ code: 'unknown_registry' })
    expect(await resolveLogins(deps, ada.teamId, 'work')).toEqual({
      'docker.io': { username: 'work', password: 'second' },
      'lab.local:5000': { username: 'lab', password: 'third' },
    })
    const stranger = await aCaller(database.db)
    expect(await resolveLogin(deps, stranger.teamId, 'python', null)).toBeNull()
  })

  test('a name and a password can be replaced; a password never goes to another host', async () => {
    const { id } = await as(ada).create({ body: hub })
    await expect(as(ada).create({ body: hub })).rejects.toMatchObject({ code: 'name_taken' })
    await as(ada).update({ registry: 'hub', body: { name: 'renamed' } })
    expect(await login('python')).toEqual({ username: 'ada', password: 'first' })
    await expect(as(ada).update({ registry: id, body: { host: 'evil.example' } })).rejects.toMatchObject({
      code: 'conflict',
    })
    await as(ada).update({ registry: id, body: { host: 'ghcr.io', password: 'new' } })
    expect(await login('python')).toBeNull()
    expect(await login('ghcr.io/a/b')).toEqual({ username: 'ada', password: 'new' })
    await as(ada).delete({ registry: 'renamed' })
    expect(await login('ghcr.io/a/b')).toBeNull()
    await expect(as(ada).show({ registry: id })).rejects.toMatchObject({ code: 'not_found' })
  })

  test('passwords are in no answer, no row and no event', async () => {
    const password = `hunter2 ${newId('registry')}`
    const made = await as(ada).create({ body: { ...hub, password } })
    const answers = [made, await as(ada).list({}), await as(ada).show({ registry: made.id })]
    const rows = await database.db.selectFrom('registries').selectAll().where('teamId', '=', ada.teamId).execute()
    const events = await database.db.selectFrom('events').selectAll().where('teamId', '=', ada.teamId).execute()
    expect(events.map(({ type }) => type)).toEqual(['registry.created'])
    expect(JSON.stringify([answers, rows, events])).not.toContain(password)
  })
})
