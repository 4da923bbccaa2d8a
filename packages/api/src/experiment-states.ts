/**
 * The states of an experiment. Server, CLI, console and documents read this table.
 * `exitCode` is what `nabla experiment run` and `wait` exit with; `own` is that of the job that decided the end.
 */
export const experimentStates = {
  created: { ended: false, label: 'Created', exitCode: null, about: 'Kept for later; it has not been started.' },
  pending: { ended: false, label: 'Pending', exitCode: null, about: 'Waiting for places for all of its nodes.' },
  provisioning: {
    ended: false,
    label: 'Provisioning',
    exitCode: null,
    about: 'All nodes have their places; some still get their files and environment.',
  },
  running: { ended: false, label: 'Running', exitCode: null, about: 'The commands of all nodes have begun.' },
  stopping: {
    ended: false,
    label: 'Stopping',
    exitCode: null,
    about: 'Its end is decided; nodes that still run are being ended.',
  },
  succeeded: { ended: true, label: 'Succeeded', exitCode: 0, about: 'All nodes that count ended with exit code 0.' },
  failed: {
    ended: true,
    label: 'Failed',
    exitCode: 'own',
    about: 'The command of a node ended with another exit code.',
  },
  error: {
    ended: true,
    label: 'Error',
    exitCode: 125,
    about: 'A node could not be set up, or could not run to its end; the reason says why.',
  },
  cancelled: { ended: true, label: 'Cancelled', exitCode: 130, about: 'Stopped by hand before it ended.' },
} as const

export type ExperimentState = keyof typeof experimentStates

/** In which states an action is allowed. The server refuses it in others, the CLI and the console say so before. */
export const experimentCan = {
  start: ['created'],
  stop: ['pending', 'provisioning', 'running'],
  delete: ['created', 'succeeded', 'failed', 'error', 'cancelled'],
} as const satisfies Record<string, readonly ExperimentState[]>

/** What an experiment can be. */
export const experimentKinds = {
  single: { label: 'Single node', about: 'One command on one machine.' },
  'multi-node': { label: 'Multi-node', about: 'Several commands that start together and know one another.' },
  sweep: { label: 'Search', about: 'The same command many times, with different parameters.' },
} as const

export type ExperimentKind = keyof typeof experimentKinds

/**
 * How the nodes of a multi-node experiment are told of each other.
 * `roles` are those it knows, the first of them the one that must be there; null: any. `waits` are roles that need no
 * end of their own: they are ended when the others have.
 */
export const experimentSchemes = {
  tensorflow: {
    label: 'TensorFlow',
    roles: ['worker', 'ps', 'chief', 'evaluator'],
    waits: ['ps', 'evaluator'],
    about: '`TF_CONFIG`, `PS_CONFIG`, `WORKER_HOSTS`, `PS_HOSTS`: workers, and parameter servers that end with them.',
  },
  mpi: {
    label: 'MPI',
    roles: ['master', 'worker'],
    waits: ['worker'],
    about: '`/generated/hostfile` for `mpirun` on the master; workers wait for it and end with it.',
  },
  pytorch: {
    label: 'PyTorch',
    roles: ['worker', 'master'],
    waits: [],
    about: '`MASTER_ADDR`, `MASTER_PORT`, `RANK`, `WORLD_SIZE`, and the same for `torchrun`.',
  },
  jax: {
    label: 'JAX',
    roles: ['worker'],
    waits: [],
    about: '`JAX_COORDINATOR_ADDRESS`, and `JAX_NUM_PROCESSES`, `JAX_PROCESS_ID` for `jax.distributed.initialize`.',
  },
  none: {
    label: 'Other',
    roles: null,
    waits: [],
    about: '`NABLA_HOSTS`, `NABLA_RANK` and `NABLA_WORLD_SIZE` alone, for whatever else you run.',
  },
} as const satisfies Record<
  string,
  { label: string; roles: readonly [string, ...string[]] | null; waits: readonly string[]; about: string }
>

export type ExperimentScheme = keyof typeof experimentSchemes

/** Bounds of one experiment; beyond them a request is refused with a sentence. */
export const experimentLimits = { roles: 10, nodes: 64, noteLength: 100_000 } as const
