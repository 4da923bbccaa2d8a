import type { TaskSpec } from '../engine.ts'

type Environment = Record<string, string | undefined>

/** Where a task's own home is: fresh for each task, and the same whoever runs the server. */
const homeFolder = '/home/nabla'

const standardPath = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin']

/** How this machine reaches the network and whom it trusts. None of them is a secret of the server's own. */
const passedOn = new Set(
  [
    'ALL_PROXY HTTP_PROXY HTTPS_PROXY NO_PROXY all_proxy http_proxy https_proxy no_proxy',
    'SSL_CERT_FILE SSL_CERT_DIR CURL_CA_BUNDLE REQUESTS_CA_BUNDLE GIT_SSL_CAINFO NODE_EXTRA_CA_CERTS',
    'PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_FIND_LINKS PIP_TRUSTED_HOST PIP_CERT PIP_DEFAULT_TIMEOUT PIP_NO_INDEX',
    'UV_DEFAULT_INDEX UV_INDEX UV_INDEX_URL UV_EXTRA_INDEX_URL UV_FIND_LINKS UV_NATIVE_TLS UV_SYSTEM_CERTS',
    'UV_HTTP_TIMEOUT UV_HTTP_RETRIES',
    'TZ LANG',
  ].flatMap((line) => line.split(' ')),
)

/** What the shim reads: the task with its whole environment, its home folder and its name on the network. */
export function completeSpec(task: TaskSpec, hostEnv: Environment): object {
  return { ...task, env: taskEnvironment(task, hostEnv), home: homeFolder, hostname: hostname(task) }
}

/** The environment of a task's command: a small base and what the task asks for, never the server's whole own. */
function taskEnvironment(task: TaskSpec, hostEnv: Environment): Record<string, string> {
  const base: Record<string, string> = {}
  for (const [name, value] of Object.entries(hostEnv)) {
    if (value !== undefined && passedOn.has(name)) base[name] = value
  }
  return {
    LANG: 'C.UTF-8',
    ...base,
    PATH: searchPath(hostEnv['PATH']),
    HOME: homeFolder,
    HOSTNAME: hostname(task),
    SHELL: '/bin/sh',
    USER: 'root',
    LOGNAME: 'root',
    TERM: 'dumb',
    // Output is seen when it is written, not when a buffer is full.
    PYTHONUNBUFFERED: '1',
    // The machine is the task's own, so pip need not warn of changing it.
    PIP_BREAK_SYSTEM_PACKAGES: '1',
    PIP_DISABLE_PIP_VERSION_CHECK: '1',
    PIP_ROOT_USER_ACTION: 'ignore',
    // Numerical libraries would start a thread for each processor of the machine, and then wait for one another.
    OMP_NUM_THREADS: String(Math.max(1, Math.ceil(task.resources.cpus))),
    ...gpuEnvironment(task.resources.gpus),
    ...task.env,
  }
}

function searchPath(path: string | undefined): string {
  const folders = (path ?? '').split(':').filter((folder) => folder.startsWith('/'))
  return [...new Set([...folders, ...standardPath])].join(':')
}

/** A name that fits into a host name: at most 63 letters, digits and hyphens. */
function hostname(task: TaskSpec): string {
  return (task.hostname ?? task.id).replaceAll(/[^a-zA-Z0-9-]/g, '-').slice(0, 63)
}

/**
 * A task sees only the device files of its own GPUs, so that CUDA counts them from 0, in the order of `nvidia-smi`.
 * NVIDIA_VISIBLE_DEVICES has the machine's own numbers, as in a container.
 */
function gpuEnvironment(gpus: number[]): Record<string, string> {
  if (gpus.length === 0) return { CUDA_VISIBLE_DEVICES: '', NVIDIA_VISIBLE_DEVICES: 'void' }
  return {
    CUDA_DEVICE_ORDER: 'PCI_BUS_ID',
    CUDA_VISIBLE_DEVICES: gpus.map((_, position) => position).join(','),
    NVIDIA_VISIBLE_DEVICES: gpus.join(','),
  }
}
