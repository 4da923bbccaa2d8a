import type { ExperimentScheme } from '@nabla/api/experiment'
import { limits } from '../../lib/limits.ts'
import type { Gang } from '../../tasks/task.ts'
import type { ExperimentNode } from './nodes.ts'

/** All nodes of one attempt, and where they are. */
export interface Meeting {
  experiment: { id: string; name: string; attempt: number }
  scheme: ExperimentScheme
  nodes: readonly ExperimentNode[]
  /** How many processes each node is for, by rank: its GPUs, or else its processors. */
  places: readonly number[]
  /** GPUs of each node, by rank. */
  gpus: readonly number[]
  /** Which addresses and ports it has, of those that the server gives out. */
  slot: number
  startLimitSeconds: number
  /** All nodes are on the network of the machine; otherwise each has one of its own. */
  sharesNetwork: boolean
}

/**
 * How one node finds the others. Pure. Names are resolved by the task's own hosts file, or by the network of its
 * containers. Ports are different for all nodes, and between experiments: where nodes share the network of the machine,
 * TensorFlow, PyTorch and JAX listen at all addresses, whatever name they were given.
 */
export function gangOf(meeting: Meeting, node: ExperimentNode): Gang {
  const { experiment, nodes, slot } = meeting
  return {
    id: `${experiment.id}-${experiment.attempt}`,
    size: nodes.length,
    hostname: node.host,
    hosts: Object.fromEntries(nodes.map(({ host, rank }) => [host, addressOf(slot, rank)])),
    files: filesOf(meeting),
  }
}

/** A loopback address of its own for each node: all of 127.0.0.0/8 is this machine (RFC 1122). */
const addressOf = (slot: number, rank: number): string => `127.77.${slot}.${rank + 1}`

/** The variables that a node gets, by its scheme. Pure. */
export function environmentOf(meeting: Meeting, node: ExperimentNode): Record<string, string> {
  const { experiment, nodes } = meeting
  const hosts = nodes.map(({ host }) => host).join(',')
  return {
    NABLA_EXPERIMENT_ID: experiment.id,
    NABLA_EXPERIMENT_NAME: experiment.name,
    NABLA_ATTEMPT: String(experiment.attempt),
    NABLA_ROLE: node.role,
    NABLA_INDEX: String(node.index),
    NABLA_RANK: String(node.rank),
    NABLA_WORLD_SIZE: String(nodes.length),
    NABLA_HOSTS: hosts,
    NABLA_ADDRESSES: nodes.map((other) => endpoint(meeting, other)).join(','),
    PAPERSPACE_EXPERIMENT_ID: experiment.id,
    PS_MODEL_PATH: `/storage/models/${experiment.id}`,
    TYPE: node.role,
    INDEX: String(node.index),
    ...schemes[meeting.scheme](meeting, node),
  }
}

/** What a node runs that has no command of its own: it waits until somebody starts something on it. */
export function commandOf(scheme: ExperimentScheme, role: string, command: string | undefined): string {
  const serve = 'python3 /generated/launch serve'
  if (scheme !== 'mpi' || role !== 'worker') return command ?? 'true'
  return command === undefined ? `exec ${serve}` : `${serve} &\n${command}`
}

function filesOf({ scheme, nodes, places, slot }: Meeting): Record<string, string> {
  const lines = (of: (node: ExperimentNode) => string) => nodes.map((node) => `${of(node)}\n`).join('')
  return {
    nodes: lines(({ host, rank }) => `${host} ${portOf(slot, rank)}`),
    ...(scheme === 'mpi' ? { hostfile: lines(({ host, rank }) => `${host} slots=${places[rank]}`) } : {}),
  }
}

const schemes: Record<ExperimentScheme, (meeting: Meeting, node: ExperimentNode) => Record<string, string>> = {
  tensorflow,
  mpi,
  pytorch,
  jax,
  none: () => ({}),
}

/**
 * `TF_CONFIG` as TensorFlow 2 reads it; `PS_CONFIG` is the same in base64 with the names of TensorFlow 1, where the
 * first worker is called master and is in the list of workers too. `TYPE` and `INDEX` go with the latter.
 */
function tensorflow(meeting: Meeting, node: ExperimentNode): Record<string, string> {
  const of = (...roles: string[]) =>
    meeting.nodes.filter(({ role }) => roles.includes(role)).map((other) => endpoint(meeting, other))
  const present = Object.entries({ chief: of('chief'), worker: of('worker'), ps: of('ps') })
  const cluster = Object.fromEntries(present.filter(([, hosts]) => hosts.length > 0))
  const workers = of('chief', 'worker')
  const [master] = meeting.nodes
  const task = node === master ? { type: 'master', index: 0 } : { type: node.role, index: workerIndex(meeting, node) }
  const older = { cluster: { master: workers.slice(0, 1), worker: workers, ps: of('ps') }, task, environment: 'cloud' }
  return {
    TF_CONFIG: JSON.stringify({ cluster, task: { type: node.role, index: node.index } }),
    // With padding: Python's decoder wants it.
    PS_CONFIG: Buffer.from(JSON.stringify(older)).toString('base64').replaceAll('+', '-').replaceAll('/', '_'),
    TYPE: task.type,
    INDEX: String(task.index),
    WORKER_HOSTS: workers.join(','),
    PS_HOSTS: of('ps').join(','),
    // gRPC would ask the proxy of the machine for the other nodes.
    no_grpc_proxy: meeting.nodes.map(({ host }) => host).join(','),
  }
}

/** Among workers a chief counts as the first. */
function workerIndex({ nodes }: Meeting, node: ExperimentNode): number {
  return node.role === 'worker' && nodes.some(({ role }) => role === 'chief') ? node.index + 1 : node.index
}

/**
 * Open MPI, MPICH and Intel MPI start their daemons by a program in place of ssh, and find the nodes in a file. All
 * nodes are in it, the master first.
 */
function mpi({ startLimitSeconds, sharesNetwork }: Meeting): Record<string, string> {
  const [agent, hostfile] = ['/generated/launch', '/generated/hostfile']
  return {
    NABLA_START_LIMIT: String(startLimitSeconds),
    OMPI_MCA_plm_rsh_agent: agent,
    OMPI_MCA_orte_default_hostfile: hostfile,
    // A task is alone on its machine, as far as it can see, and is root there.
    OMPI_ALLOW_RUN_AS_ROOT: '1',
    OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1',
    // Two nodes at one address of the machine confuse it; at the loopback it expects that.
    ...(sharesNetwork ? { OMPI_MCA_btl_tcp_if_include: 'lo', OMPI_MCA_oob_tcp_if_include: 'lo' } : {}),
    PRTE_MCA_plm_ssh_agent: agent,
    PRTE_MCA_prte_default_hostfile: hostfile,
    HYDRA_LAUNCHER: 'ssh',
    HYDRA_LAUNCHER_EXEC: agent,
    I_MPI_HYDRA_BOOTSTRAP: 'rsh',
    I_MPI_HYDRA_BOOTSTRAP_EXEC: agent,
  }
}

/** https://docs.pytorch.org/docs/stable/distributed.html; `torchrun` takes what begins with PET as its options. */
function pytorch(meeting: Meeting, node: ExperimentNode): Record<string, string> {
  const [master] = meeting.nodes
  const [rank, size] = [String(node.rank), String(meeting.nodes.length)]
  const [address, port] = [master!.host, String(sharedPort(meeting.slot, 0))]
  return {
    MASTER_ADDR: address,
    MASTER_PORT: port,
    RANK: rank,
    NODE_RANK: rank,
    LOCAL_RANK: '0',
    WORLD_SIZE: size,
    PET_NNODES: size,
    PET_NODE_RANK: rank,
    PET_NPROC_PER_NODE: String(Math.max(1, meeting.gpus[node.rank] ?? 0)),
    PET_MASTER_ADDR: address,
    PET_MASTER_PORT: port,
    PET_RDZV_ID: meeting.experiment.id,
  }
}

/** https://docs.jax.dev/en/latest/multi_process.html */
function jax(meeting: Meeting, node: ExperimentNode): Record<string, string> {
  return {
    JAX_COORDINATOR_ADDRESS: `${meeting.nodes[0]!.host}:${sharedPort(meeting.slot, 0)}`,
    JAX_NUM_PROCESSES: String(meeting.nodes.length),
    JAX_PROCESS_ID: String(node.rank),
  }
}

const endpoint = ({ slot }: Meeting, { host, rank }: ExperimentNode): string => `${host}:${portOf(slot, rank)}`

/** A port of one node; the upper half of those of a slot is for what nodes share. */
const portOf = (slot: number, rank: number): number => limits.gangFirstPort + slot * limits.gangPorts + rank

const sharedPort = (slot: number, which: number): number => portOf(slot, limits.gangPorts / 2 + which)
