import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { loadConfig } from '../config.ts'
import { systemClock } from '../lib/clock.ts'
import { openStore, s3Settings } from './index.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'nabla-store-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const bucket = { endpoint: 'https://s3.example.com', bucket: 'models' }
const load = (given: Record<string, unknown>, environment = {}) => loadConfig({ data: dir, ...given }, environment)

describe('settings of the object store', () => {
  test('a folder unless told otherwise', () => {
    expect(openStore(load({}), systemClock).place).toBe(join(dir, 'objects'))
  })

  test('the file of settings, completed by the environment', () => {
    const environment = {
      NABLA_STORE: 's3',
      NABLA_S3_BUCKET: 'from-environment',
      NABLA_S3_ACCESS_KEY_ID: 'id',
      NABLA_S3_SECRET_ACCESS_KEY: 'secret',
    }
    const config = load({ s3: { ...bucket, prefix: 'nabla/' } }, environment)
    expect(openStore(config, systemClock).place).toBe('s3://models/nabla/ at https://s3.example.com')
    expect(s3Settings({ ...config.s3!, bucket: 'b' })).toMatchObject({
      accessKeyId: 'id',
      secretAccessKey: 'secret',
      region: 'us-east-1',
    })
  })

  test('credentials in a file of their own', () => {
    const credentialsFile = join(dir, 'credentials')
    const lines = [
      '[other]',
      'aws_access_key_id=no',
      '[default]',
      'aws_access_key_id = id',
      'aws_secret_access_key=a=b',
    ]
    writeFileSync(credentialsFile, `# comment\n${lines.join('\n')}\n`)
    const config = load({ store: 's3', s3: { ...bucket, credentialsFile } })
    expect(s3Settings({ ...config.s3!, bucket: 'b' })).toMatchObject({ accessKeyId: 'id', secretAccessKey: 'a=b' })
  })

  test('what is missing or wrong is named', () => {
    expect(() => load({ store: 's3' })).toThrow(/s3\.endpoint and s3\.bucket/)
    expect(() => load({ store: 's3', s3: { ...bucket, endpoint: 'ftp://x' } })).toThrow(/s3\.endpoint/)
    expect(() => load({ store: 's3', s3: { ...bucket, prefix: 'a' } })).toThrow(/s3\.prefix/)
    const withoutKeys = load({ store: 's3', s3: bucket })
    expect(() => openStore(withoutKeys, systemClock)).toThrow(/NABLA_S3_ACCESS_KEY_ID/)
    const withoutFile = load({ store: 's3', s3: { ...bucket, credentialsFile: join(dir, 'none') } })
    expect(() => openStore(withoutFile, systemClock)).toThrow(/credentials of the object store cannot be read/)
  })
})
