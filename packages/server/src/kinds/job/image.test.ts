import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { createClient } from '@nabla/api/client'
import pino from 'pino'
import { describe, expect, onTestFinished, test } from 'vitest'

import { loadConfig } from '../../config.ts'
import { missing, startTestDaemon, testImage } from '../../engines/docker/testing/daemon.ts'
import { startServer } from '../../main.ts'

const reason = missing.podman

describe.skipIf(reason !== null)(reason === null ? 'a job with an image' : `a job with an image: ${reason}`, () => {
  test('goes to the engine that has images, and one without to the machine itself', async () => {
    const daemon = await startTestDaemon('podman')
    const data = mkdtempSync(join(tmpdir(), 'nabla-images-'))
    const settings = { data, port: 0, engines: ['process', 'docker'], docker: { socket: daemon.socket } }
    const config = loadConfig(settings, { PATH: process.env['PATH'] })
    const server = await startServer(config, { log: pino({ level: 'silent' }) })
    onTestFinished(async () => {
      await server.close()
      rmSync(data, { recursive: true, force: true })
      await daemon.close()
    })
    const client = createClient({ url: server.url, key: server.firstKey ?? '' })
    const run = async (image: string | undefined) => {
      const command = 'echo kept > /artifacts/result; ls /.nabla'
      const created = await client.job.create({
        body: { project: 'images', command, ...(image === undefined ? {} : { image }) },
      })
      for (;;) {
        const job = await client.job.show({ job: created.id })
        if (['succeeded', 'failed', 'error'].includes(job.state)) return job
        await new Promise((resolve) => setTimeout(resolve, 25))
      }
    }
    const contained = await run(testImage)
    expect(contained).toMatchObject({ state: 'succeeded', exitCode: 0 })
    expect(contained.machineType).toMatch(/^C\d+-docker$/)
    expect(contained.phases.map(({ name }) => name)).toEqual(['queue', 'files', 'image', 'run', 'collect'])
    const detail = contained.phases.find(({ name }) => name === 'image')?.detail
    expect(detail).toMatch(/sha256:[0-9a-f]{64}$/)
    const bare = await run(undefined)
    // There is no /.nabla outside of containers.
    expect(bare.state).toBe('failed')
    expect(bare.machineType).toMatch(/^C\d+$/)
    await expect(
      client.job.create({ body: { project: 'images', command: 'true', image: 'Not An Image' } }),
    ).rejects.toThrow('no name of an image')
    await expect(
      client.job.create({ body: { project: 'images', command: 'true', image: testImage, machineType: 'C1' } }),
    ).rejects.toThrow('C1-docker')
    // Removed behind the job's end, which is told as soon as it is known.
    await expect.poll(() => daemon.docker.listContainers({ all: true }), { timeout: 20_000 }).toEqual([])
  }, 60_000)
})
