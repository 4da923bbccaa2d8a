import { describe, expect, test } from 'vitest'

import type { TaskSpec } from '../engine.ts'
import { type ContainerSettings, containerOptions } from './container.ts'
import { Daemon, usualSockets } from './daemon.ts'

const MiB = 2 ** 20

const settings: ContainerSettings = {
  ulimits: { core: { soft: 0, hard: 0 } },
  gpus: 'cdi',
  instance: 'abc',
  info: { name: 'docker', version: '1', rootless: false, storageDriver: '', unlimited: [], cdi: true, nvidia: false },
  hostEnv: { HTTPS_PROXY: 'http://proxy:3128', SECRET: 'x' },
  owner: '0:0',
  reaches: false,
}

function optionsFor(changes: Partial<TaskSpec>, more: Partial<ContainerSettings> = {}) {
  const spec: TaskSpec = {
    id: 'tk1',
    image: 'python:3.13',
    command: 'true',
    workingDir: '/paperspace',
    env: { A: 'b' },
    mounts: [],
    resources: { cpus: 1.5, memoryBytes: 256 * MiB, gpus: [], pids: 100 },
    outputDir: '/data/logs/x',
    ...changes,
  }
  const image = { id: 'sha256:1', pinned: 'x', entrypoint: ['/entry.sh'] }
  return containerOptions(spec, { ...settings, ...more }, { image, mounts: [], network: 'net', state: '/data/state' })
}

const withGpus = (gpus: number[]) => ({ resources: { cpus: 1, memoryBytes: 256 * MiB, gpus, pids: 100 } })

describe('what is asked of the engine', () => {
  test('GPUs by index, as descriptions of devices or of the runtime of NVIDIA, and none where none are given', () => {
    expect(optionsFor(withGpus([1, 3])).HostConfig?.DeviceRequests).toEqual([
      { Driver: 'cdi', DeviceIDs: ['nvidia.com/gpu=1', 'nvidia.com/gpu=3'] },
    ])
    expect(optionsFor(withGpus([0]), { gpus: 'nvidia' }).HostConfig?.DeviceRequests).toEqual([
      { Driver: 'nvidia', DeviceIDs: ['0'], Capabilities: [['gpu']] },
    ])
    const none = optionsFor({})
    expect(none.HostConfig?.DeviceRequests).toBeUndefined()
    expect(none.Env).toContain('NVIDIA_VISIBLE_DEVICES=void')
    expect(optionsFor(withGpus([0])).Env?.join()).not.toContain('NVIDIA')
  })

  test('limits, and no more than a task needs', () => {
    const { HostConfig: host = {}, Env = [] } = optionsFor({ container: { shmBytes: 8 * MiB } })
    expect(host).toMatchObject({ NanoCpus: 1.5e9, Memory: 256 * MiB, MemorySwap: 256 * MiB, PidsLimit: 100 })
    expect(host).toMatchObject({ ShmSize: 8 * MiB, RestartPolicy: { Name: 'no' }, Privileged: false })
    expect(host).toMatchObject({ CapDrop: ['ALL'], SecurityOpt: ['no-new-privileges'] })
    expect(host.Mounts?.every(({ Source }) => Source.startsWith('/data/'))).toBe(true)
    expect(Env).toEqual(
      expect.arrayContaining(['A=b', 'HTTPS_PROXY=http://proxy:3128', 'NO_PROXY=127.0.0.1', 'no_proxy=127.0.0.1']),
    )
    expect(Env.join()).not.toContain('SECRET')
    const unlimited = { ...settings.info, unlimited: ['cpu', 'memory', 'pids'] }
    expect(Object.keys(optionsFor({}, { info: unlimited }).HostConfig ?? {})).not.toContain('Memory')
  })

  test('the entrypoint of the image, another, or none', () => {
    const commandOf = (changes: Partial<TaskSpec>) => (optionsFor(changes).Entrypoint as string[]).slice(6)
    expect(commandOf({})).toEqual(['/bin/sh', '-c', 'true'])
    expect(commandOf({ container: { entrypoint: 'image' } })).toEqual(['/entry.sh', '/bin/sh', '-c', 'true'])
    expect(commandOf({ container: { entrypoint: ['nice', '-n', '5'] } })[0]).toBe('nice')
  })
})

test('sockets are looked for with root and without, and where the environment says', () => {
  expect(usualSockets({ DOCKER_HOST: 'unix:///run/mine.sock' })).toEqual(['/run/mine.sock'])
  const sockets = usualSockets({ XDG_RUNTIME_DIR: '/run/user/1000', HOME: '/home/ada' })
  expect(sockets).toEqual([
    '/var/run/docker.sock',
    '/run/user/1000/docker.sock',
    '/home/ada/.docker/run/docker.sock',
    '/run/user/1000/podman/podman.sock',
    '/run/podman/podman.sock',
  ])
  expect(usualSockets({})).toContain('/run/podman/podman.sock')
})

test('a daemon on another machine is refused, whatever listens here', async () => {
  const daemon = new Daemon(undefined, { DOCKER_HOST: 'tcp://10.0.0.5:2375' })
  await expect(daemon.info()).rejects.toThrow('DOCKER_HOST leads to tcp://10.0.0.5:2375')
})
