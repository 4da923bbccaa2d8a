import type Docker from 'dockerode'

import type { Daemon } from './daemon.ts'

const cpuPeriodUs = 100_000

/**
 * Makes a container by Podman's own API, https://docs.podman.io/en/latest/_static/api.html: the one that it shares with
 * Docker leaves out devices that are described by CDI, without a word, in versions before
 * https://github.com/containers/podman/pull/25171.
 */
export async function createByPodman(daemon: Daemon, options: Docker.ContainerCreateOptions): Promise<void> {
  const { modem } = (await daemon.calls()) as unknown as { modem: Modem }
  const call = {
    path: '/v4.0.0/libpod/containers/create',
    method: 'POST',
    options: podmanSpec(options),
    statusCodes: { 201: true, 404: 'no such image', 500: 'server error' },
  }
  await new Promise<void>((resolve, reject) => modem.dial(call, (error) => (error ? reject(error) : resolve())))
}

interface Modem {
  dial(call: object, done: (error: Error | null) => void): void
}

/** The same container in the words of Podman: `SpecGenerator` of its API. Pure. */
function podmanSpec(options: Docker.ContainerCreateOptions): object {
  const host = options.HostConfig ?? {}
  const network = host.NetworkMode ?? ''
  const aliases = options.NetworkingConfig?.EndpointsConfig?.[network]?.Aliases ?? []
  const pairs = (options.Env ?? []).map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)])
  return {
    name: options.name,
    image: options.Image,
    entrypoint: options.Entrypoint,
    command: [],
    env: Object.fromEntries(pairs) as Record<string, string>,
    user: options.User,
    work_dir: options.WorkingDir,
    create_working_dir: true,
    hostname: options.Hostname,
    labels: options.Labels,
    ...filesOf(host.Mounts ?? []),
    netns: { nsmode: 'bridge' },
    Networks: { [network]: { aliases } },
    portmappings: Object.keys(options.ExposedPorts ?? {}).map((port) => ({
      container_port: Number.parseInt(port),
      host_ip: host.PortBindings?.[port]?.[0]?.HostIp ?? '127.0.0.1',
      protocol: 'tcp',
    })),
    resource_limits: limitsOf(host),
    r_limits: (host.Ulimits ?? []).map(({ Name, Soft, Hard }) => ({ type: Name, soft: Soft, hard: Hard })),
    cap_drop: host.CapDrop,
    cap_add: host.CapAdd,
    no_new_privileges: true,
    oom_score_adj: host.OomScoreAdj,
    shm_size: host.ShmSize,
    log_configuration: { driver: 'none' },
    restart_policy: 'no',
    devices: (host.DeviceRequests ?? []).flatMap(({ DeviceIDs }) => (DeviceIDs ?? []).map((path) => ({ path }))),
    ...(host.Runtime === undefined ? {} : { oci_runtime: host.Runtime }),
  }
}

function filesOf(mounts: Docker.MountSettings[]): object {
  const rights = ({ ReadOnly }: Docker.MountSettings) => (ReadOnly ? 'ro' : 'rw')
  return {
    mounts: mounts
      .filter(({ Type }) => Type === 'bind')
      .map((mount) => ({
        type: 'bind',
        source: mount.Source,
        destination: mount.Target,
        options: ['rbind', rights(mount)],
      })),
    volumes: mounts
      .filter(({ Type }) => Type === 'volume')
      .map((mount) => ({ Name: mount.Source, Dest: mount.Target, Options: ['nocopy', rights(mount)] })),
  }
}

function limitsOf({ NanoCpus, Memory, MemorySwap, PidsLimit }: Docker.HostConfig): object {
  return {
    ...(NanoCpus === undefined
      ? {}
      : { cpu: { period: cpuPeriodUs, quota: Math.floor((NanoCpus / 1e9) * cpuPeriodUs) } }),
    ...(Memory === undefined ? {} : { memory: { limit: Memory, swap: MemorySwap } }),
    ...(PidsLimit === undefined || PidsLimit === null ? {} : { pids: { limit: PidsLimit } }),
  }
}
