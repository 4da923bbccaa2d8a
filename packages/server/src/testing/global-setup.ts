import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import type { TestProject } from 'vitest/node'
import { openDatabase } from '../db/open.ts'
import { postgresBinaries, startPostgres, type TestPostgres } from './postgres.ts'

/**
 * One PostgreSQL server for a whole run of tests. It starts when the first test asks for it, so that runs of tests
 * without a database do not wait; it is stopped when the run is over, however that went.
 */
export async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const binaries = postgresBinaries()
  if (binaries === undefined) {
    project.provide('postgresStarter', null)
    return undefined
  }
  let starting: Promise<TestPostgres> | undefined
  const dir = mkdtempSync(join(tmpdir(), 'nabla-test-'))
  const starter = createServer((socket) => {
    starting ??= startWithTemplate(binaries)
    starting.then(
      (postgres) => socket.end(JSON.stringify({ url: postgres.url('postgres') })),
      (error: unknown) => socket.end(JSON.stringify({ error: String(error) })),
    )
  })
  const path = join(dir, 'starter')
  await new Promise<void>((resolve) => starter.listen(path, resolve))
  project.provide('postgresStarter', path)
  return async () => {
    starter.close()
    rmSync(dir, { recursive: true, force: true })
    const postgres = await starting?.catch(() => undefined)
    await postgres?.stop()
  }
}

/** A database with the whole schema is kept as the template of those that the tests get. */
async function startWithTemplate(binaries: string): Promise<TestPostgres> {
  const postgres = await startPostgres(binaries)
  try {
    const admin = new Client(postgres.url('postgres'))
    await admin.connect()
    await admin.query('create database template_nabla')
    await admin.end()
    await (await openDatabase({ data: '', database: postgres.url('template_nabla') })).close()
    return postgres
  } catch (error) {
    await postgres.stop()
    throw error
  }
}
