import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Config, S3Config } from '../config.ts'
import { AppError } from '../lib/app-error.ts'
import type { Clock } from '../lib/clock.ts'
import { openFolderStore } from './folder/folder-store.ts'
import { openS3Store, type S3Settings } from './s3/s3-store.ts'
import type { ObjectStore } from './store.ts'

/** The object store that the settings name. Throws AppError `invalid` when it lacks credentials. Asks nothing of it. */
export function openStore(config: Pick<Config, 'data' | 'store' | 's3'>, clock: Clock): ObjectStore {
  const bucket = config.s3?.bucket
  if (config.store === 's3' && config.s3 && bucket !== undefined) {
    return openS3Store(s3Settings({ ...config.s3, bucket }), clock)
  }
  return openFolderStore(objectsFolder(config.data))
}

/** Where the objects of a server are that keeps them in its data folder. */
export const objectsFolder = (data: string): string => join(data, 'objects')

/** Completes the settings of a bucket by what stands in the file of credentials. */
export function s3Settings(config: S3Config & { bucket: string }): S3Settings {
  const { credentialsFile, endpoint, region, bucket, prefix } = config
  const inFile = credentialsFile === undefined ? {} : readCredentials(credentialsFile)
  const accessKeyId = config.accessKeyId ?? inFile['aws_access_key_id']
  const secretAccessKey = config.secretAccessKey ?? inFile['aws_secret_access_key']
  const sessionToken = config.sessionToken ?? inFile['aws_session_token']
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    const where = 'NABLA_S3_ACCESS_KEY_ID and NABLA_S3_SECRET_ACCESS_KEY, or s3.credentialsFile'
    throw new AppError('invalid', { detail: `The object store needs an access key and its secret: ${where}.` })
  }
  const secret = { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) }
  return { endpoint, region, bucket, prefix, ...secret }
}

/** The section `[default]` of a file such as `~/.aws/credentials`; also what stands above the first section. */
function readCredentials(path: string): Record<string, string> {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new AppError('invalid', { detail: `The credentials of the object store cannot be read: ${reason}.` })
  }
  const values: Record<string, string> = {}
  let section = 'default'
  for (const line of text.split('\n')) {
    section = /^\s*\[\s*(.+?)\s*\]/.exec(line)?.[1] ?? section
    const [, name, value] = /^\s*(\w+)\s*=\s*(.*?)\s*$/.exec(line) ?? []
    if (section === 'default' && name !== undefined && value) values[name.toLowerCase()] = value
  }
  return values
}
