import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { Client } from 'pg'
import { afterAll, describe, inject, onTestFinished } from 'vitest'
import type { Config } from '../config.ts'
import { type OpenDatabase, openDatabase } from '../db/open.ts'

export interface TestDatabase extends OpenDatabase {
  /** Opens the same database once more, as another server would. */
  config: Pick<Config, 'data' | 'database'>
}

/**
 * Makes a database of its own with the whole schema: on PostgreSQL a copy of one, or, if `empty`, by running the
 * migrations. It is gone after the tests.
 */
export type MakeDatabase = (options?: { empty?: boolean }) => Promise<TestDatabase>

/**
 * Declares the tests of `define` twice: on SQLite in a file, and on a real PostgreSQL. Call `make` in a `beforeAll`
 * or in a test.
 */
export function eachDatabase(define: (make: MakeDatabase, dialect: 'sqlite' | 'postgres') => void): void {
  describe('on SQLite', () => define(cleaned(makeSqlite), 'sqlite'))
  const starter = inject('postgresStarter')
  if (starter === null) {
    describe.skip('on PostgreSQL (npm has no PostgreSQL for this machine)', () => define(makeSqlite, 'postgres'))
  } else {
    describe('on PostgreSQL', () =>
      define(
        cleaned((options) => makePostgres(starter, options)),
        'postgres',
      ))
  }
}

/** The address of a PostgreSQL database without any tables, gone after the test; null where there is none to be had. */
export async function makeBlankPostgres(): Promise<string | null> {
  const starter = inject('postgresStarter')
  if (starter === null) return null
  const server = await serverUrl(starter)
  const name = `test_${randomBytes(8).toString('hex')}`
  await administrate(server, `create database ${name}`)
  onTestFinished(() => administrate(server, `drop database ${name} with (force)`))
  const url = new URL(server)
  url.pathname = `/${name}`
  return url.href
}

/** Notes what was made, and takes it away after the tests of this block. */
function cleaned(make: (options?: { empty?: boolean }) => Promise<Made>): MakeDatabase {
  const all: Made[] = []
  afterAll(async () => {
    for (const made of all) await made.remove()
  })
  return async (options) => {
    const made = await make(options)
    all.push(made)
    return made
  }
}

interface Made extends TestDatabase {
  remove(): Promise<void>
}

async function makeSqlite(): Promise<Made> {
  const data = mkdtempSync(join(tmpdir(), 'nabla-db-'))
  const config = { data, database: 'sqlite' }
  const open = await openDatabase(config)
  return {
    ...open,
    config,
    async remove() {
      await open.close()
      rmSync(data, { recursive: true, force: true })
    },
  }
}

async function makePostgres(starter: string, options: { empty?: boolean } = {}): Promise<Made> {
  const server = await serverUrl(starter)
  const name = `test_${randomBytes(8).toString('hex')}`
  await administrate(server, `create database ${name} ${options.empty ? '' : 'template template_nabla'}`)
  const url = new URL(server)
  url.pathname = `/${name}`
  const config = { data: '', database: url.href }
  const open = await openDatabase(config)
  return {
    ...open,
    config,
    async remove() {
      await open.close()
      await administrate(server, `drop database ${name} with (force)`)
    },
  }
}

async function serverUrl(starter: string): Promise<string> {
  const socket = connect(starter)
  await once(socket, 'connect')
  const answer = JSON.parse(await text(socket)) as { url?: string; error?: string }
  if (answer.url === undefined) throw new Error(answer.error)
  return answer.url
}

async function administrate(server: string, statement: string): Promise<void> {
  const client = new Client(server)
  await client.connect()
  await client.query(statement)
  await client.end()
}
