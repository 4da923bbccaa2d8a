import type { WorkflowSpec } from '@nabla/api/workflow-spec'
import { AwsClient } from 'aws4fetch'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { eachDatabase } from '../../testing/database.ts'
import { s3ServerProgram, startS3, type TestS3 } from '../../testing/s3.ts'
import { startTestServer } from '../../testing/server.ts'

const program = s3ServerProgram()

describe.skipIf(program === undefined)('s3-download@v1 (needs the server of tools/install-s3-server.sh)', () => {
  let s3: TestS3
  beforeAll(async () => {
    s3 = await startS3(program!)
  })
  afterAll(() => s3?.stop())

  eachDatabase((make) => {
    test('puts what is in a bucket into a dataset, in a folder of it', async () => {
      const { endpoint, bucket, accessKeyId, secretAccessKey } = s3.newBucket()
      const aws = new AwsClient({ accessKeyId, secretAccessKey, service: 's3', region: 'us-east-1' })
      for (const [path, body] of Object.entries({ 'in/a.txt': 'a', 'in/deep/b.txt': 'bb', 'other.txt': 'c' })) {
        expect((await aws.fetch(`${endpoint}/${bucket}/${path}`, { method: 'PUT', body })).status).toBe(200)
      }
      const server = await startTestServer(make, undefined, { fetchHosts: ['127.0.0.1'] })
      const { client } = server
      const common = { endpoint, region: 'us-east-1', 'access-key': accessKeyId, path: '/outputs/files/from-s3' }
      const spec: WorkflowSpec = {
        jobs: {
          fetch: {
            uses: 's3-download@v1',
            with: { url: `s3://${bucket}/in/`, 'secret-access-key': 'secret:S3', ...common },
            outputs: { files: { type: 'dataset', with: { ref: 'fetched' } } },
          },
        },
      }
      await client.workflow.create({ body: { name: 'fetching', project: 'demo' } })
      await expect(client.workflow.run({ workflow: 'fetching', body: { spec } })).rejects.toMatchObject({
        code: 'unknown_secret',
      })
      await client.secret.set({ name: 'S3', body: { value: secretAccessKey } })
      const { number } = await client.workflow.run({ workflow: 'fetching', body: { spec } })
      await vi.waitFor(
        async () => {
          await server.running().deps.loop.idle()
          const { state, reason } = await client.workflow.showRun({ workflow: 'fetching', number })
          expect({ state, reason }).toEqual({ state: 'succeeded', reason: null })
        },
        { timeout: 25_000, interval: 20 },
      )
      const { items } = await client.dataset.files({ dataset: 'fetched', version: '1', recursive: 'true' })
      const paths = items.filter(({ type }) => type === 'file').map(({ path }) => path)
      expect(paths).toEqual(['from-s3/a.txt', 'from-s3/deep/b.txt'])
    })
  })
})
