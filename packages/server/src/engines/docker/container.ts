import type Docker from 'dockerode'

import type { DockerConfig } from '../../config.ts'
import type { TaskSpec } from '../engine.ts'
import type { DaemonInfo } from './daemon.ts'
import type { LocalImage } from './images.ts'
import { initProgram, ownFolder } from './init.ts'

/** On all that is ours: which server made it, and for containers and volumes, for which task. */
export const instanceLabel = 'nabla.server'
export const taskLabel = 'nabla.task'

/** Files of a task where a container can mount them, at one or more places. */
export interface PlacedMount {
  type: 'bind' | 'volume'
  /** A path of this machine, or the name of a volume. */
  source: string
  targets: string[]
  readOnly: boolean
}

/** What goes for every container of a server. */
export interface ContainerSettings {
  /** Name of the OCI runtime; the daemon's own choice if left out. */
  runtime?: string
  ulimits: DockerConfig['ulimits']
  gpus: 'cdi' | 'nvidia'
  instance: string
  info: DaemonInfo
  hostEnv: Record<string, string | undefined>
  /** Who owns the files of mounts, as a container sees it. */
  owner: string
  /** Tasks get a way to the server. */
  reaches: boolean
}

export interface Placed {
  image: LocalImage
  mounts: PlacedMount[]
  network: string
  /** Folder of the task's state on this machine. */
  state: string
}

/**
 * What a container usually has, less what jobs never need: raw sockets, device files, the audit log, and the right to
 * hand on what was dropped. Changing owners, users and ports below 1024 stay, so that package managers work.
 */
const capabilities = [
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'NET_BIND_SERVICE',
  'SETFCAP',
  'SETGID',
  'SETUID',
  'SYS_CHROOT',
]

/** How this machine reaches the network. Certificates are files, which a container does not have. */
const passedOn =
  'ALL_PROXY HTTP_PROXY HTTPS_PROXY NO_PROXY all_proxy http_proxy https_proxy no_proxy PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_TRUSTED_HOST TZ'.split(
    ' ',
  )

export const containerName = (id: string): string => `nabla-${id}`

/** Everything that the daemon is asked for to run a task. Pure. */
export function containerOptions(
  spec: TaskSpec,
  settings: ContainerSettings,
  placed: Placed,
): Docker.ContainerCreateOptions {
  const { resources, container = {} } = spec
  const { memoryBytes } = resources
  const entrypoint = container.entrypoint === 'image' ? placed.image.entrypoint : (container.entrypoint ?? [])
  const command = [...entrypoint, '/bin/sh', '-c', spec.command]
  const ports = (spec.ports ?? []).map((port) => `${port}/tcp`)
  return {
    name: containerName(spec.id),
    Image: placed.image.id,
    Entrypoint: initProgram(spec.python?.requirements ?? '', settings.reaches, command),
    Cmd: [],
    Env: Object.entries(environmentOf(spec, settings)).map(([name, value]) => `${name}=${value}`),
    User: container.user ?? settings.owner,
    WorkingDir: spec.workingDir,
    Hostname: spec.hostname ?? spec.id,
    Labels: { [instanceLabel]: settings.instance, [taskLabel]: spec.id },
    ExposedPorts: Object.fromEntries(ports.map((port) => [port, {}])),
    ...(spec.hostname === undefined
      ? {}
      : { NetworkingConfig: { EndpointsConfig: { [placed.network]: { Aliases: [spec.hostname] } } } }),
    HostConfig: {
      Mounts: mountsOf(spec, placed),
      LogConfig: { Type: 'none', Config: {} },
      NetworkMode: placed.network,
      PortBindings: Object.fromEntries(ports.map((port) => [port, [{ HostIp: '127.0.0.1', HostPort: '' }]])),
      RestartPolicy: { Name: 'no' },
      Privileged: false,
      CapDrop: ['ALL'],
      CapAdd: capabilities,
      SecurityOpt: ['no-new-privileges'],
      OomScoreAdj: 500,
      ...limitsOf(spec, settings),
      ShmSize: container.shmBytes ?? Math.floor(memoryBytes / 2),
      ...gpusOf(resources.gpus, settings.gpus),
      ...(settings.runtime === undefined ? {} : { Runtime: settings.runtime }),
    },
  }
}

function limitsOf({ resources }: TaskSpec, { info, ulimits }: ContainerSettings): Docker.HostConfig {
  const { cpus, memoryBytes, pids } = resources
  return {
    ...(info.unlimited.includes('cpu') ? {} : { NanoCpus: Math.max(1e7, Math.floor(cpus * 1e9)) }),
    ...(info.unlimited.includes('memory') ? {} : { Memory: memoryBytes, MemorySwap: memoryBytes }),
    ...(info.unlimited.includes('pids') ? {} : { PidsLimit: pids }),
    Ulimits: Object.entries(ulimits).map(([Name, { soft, hard }]) => ({ Name, Soft: soft, Hard: hard })),
  }
}

function mountsOf(spec: TaskSpec, { mounts, state }: Placed): Docker.MountSettings[] {
  const own = ['stdout', 'stderr', 'system', 'packages'].map((name) =>
    bind(`${spec.outputDir}/${name}`, `${ownFolder}/${name}`),
  )
  const theirs = mounts.flatMap(({ type, source, targets, readOnly }) =>
    targets.map((target) =>
      type === 'bind'
        ? { ...bind(source, target), ReadOnly: readOnly }
        : { Type: type, Source: source, Target: target, ReadOnly: readOnly, VolumeOptions: volumeOptions },
    ),
  )
  return [...theirs, bind(state, `${ownFolder}/state`), ...own]
}

/** What is in the image at the same place is not copied into the volume. */
const volumeOptions = { NoCopy: true, Labels: {}, DriverConfig: { Name: '', Options: {} } }

const bind = (Source: string, Target: string): Docker.MountSettings => ({ Type: 'bind', Source, Target })

/** What the image sets stays, but for what is named here and by the task. */
function environmentOf(spec: TaskSpec, { hostEnv }: ContainerSettings): Record<string, string> {
  const base: Record<string, string> = {}
  for (const name of passedOn) {
    const value = hostEnv[name]
    if (value !== undefined) base[name] = value
  }
  // No proxy knows the way to the server.
  const direct = Object.keys(base).some((name) => /^https?_proxy$/i.test(name)) ? ['NO_PROXY', 'no_proxy'] : []
  for (const name of direct) base[name] = [base[name] ?? [], '127.0.0.1'].flat().join()
  return {
    ...base,
    // Output is seen when it is written, not when a buffer is full.
    PYTHONUNBUFFERED: '1',
    PIP_BREAK_SYSTEM_PACKAGES: '1',
    PIP_DISABLE_PIP_VERSION_CHECK: '1',
    PIP_ROOT_USER_ACTION: 'ignore',
    // Numerical libraries would start a thread for each processor of the machine, and then wait for one another.
    OMP_NUM_THREADS: String(Math.max(1, Math.ceil(spec.resources.cpus))),
    // Images for GPUs ask for all of them: https://github.com/NVIDIA/nvidia-container-toolkit
    ...(spec.resources.gpus.length === 0 ? { NVIDIA_VISIBLE_DEVICES: 'void' } : {}),
    ...spec.env,
  }
}

/** By index, as `nvidia-smi` counts. A container sees only its own, numbered from 0. */
function gpusOf(gpus: readonly number[], how: ContainerSettings['gpus']): Docker.HostConfig {
  if (gpus.length === 0) return {}
  const requests: Docker.DeviceRequest =
    how === 'cdi'
      ? { Driver: 'cdi', DeviceIDs: gpus.map((index) => `nvidia.com/gpu=${index}`) }
      : { Driver: 'nvidia', DeviceIDs: gpus.map(String), Capabilities: [['gpu']] }
  return { DeviceRequests: [requests] }
}
