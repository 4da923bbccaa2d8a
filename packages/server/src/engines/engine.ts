import type { Readable, Writable } from 'node:stream'

/**
 * The seam between Nabla and whatever runs tasks. An engine knows nothing of jobs, teams or the database: it gets
 * a complete `TaskSpec`, runs it, and reports what it sees. All members are idempotent by task id, so that the
 * control loop may repeat any call after a crash.
 */

/** One tree of files as a task sees it. */
export interface Mount {
  /** Absolute path on this machine. */
  source: string
  /** Absolute path inside the task. */
  target: string
  /** `copy`: the task sees the tree and may write to it; its writes go to scratch space and never reach `source`. */
  mode: 'ro' | 'rw' | 'copy'
  /** Further paths inside the task that lead to the very same tree. */
  aliases?: string[]
}

/** What a task may use. Enforced where the machine allows it; `doctor` says where it does not. */
export interface Resources {
  /** Processor cores; fractions are shares of one. */
  cpus: number
  memoryBytes: number
  /** Indexes of the GPUs that are this task's alone. */
  gpus: number[]
  /** Most processes and threads at a time. */
  pids: number
}

/** A Python environment, built once per content and reused: see `python` in TaskSpec. */
export interface PythonEnvironment {
  /** Path of the requirements file inside the task, absolute. When no such file is there, no environment is made. */
  requirements: string
  /** Folder on this machine that holds the environments and the download cache of one team. */
  cacheDir: string
}

/** What only engines with images heed. */
export interface ContainerOptions {
  /** `missing`: the image is fetched when it is not here. Default: as the engine is set. */
  pull?: 'missing' | 'always' | 'never'
  /** For the registry of the image. */
  login?: ImageLogin
  /** Name or number in the image, with a group after a colon. Default: the one that owns the files of the mounts. */
  user?: string
  /** What the command is given to: `image`, the entrypoint of the image, or a program with arguments. Default: none. */
  entrypoint?: 'image' | string[]
  /** Size of /dev/shm. Default: half of the memory. */
  shmBytes?: number
}

export interface ImageLogin {
  username: string
  password: string
}

/** How an image is made of files of the task, before its command runs in it. Only for engines that build. */
export interface ImageBuild {
  /** `target` of the mount whose files it is made of. */
  context: string
  /** Path in the context. */
  dockerfile: string
  args: Record<string, string>
  /** Default: the last stage. */
  target?: string
  /** Where it is sent to. The login of the container options is for there. */
  push?: string
  /** Nothing is run: the task ends when the image is there. */
  only: boolean
  /** For images that it begins with, by their registry. */
  logins: Record<string, ImageLogin>
}

/** Everything needed to run one task, already decided. */
export interface TaskSpec {
  id: string
  /** `host`, or an image reference for engines that have images. */
  image: string
  /** A shell command line, run by `/bin/sh -c`. */
  command: string
  /** Absolute, inside the task; made if it is not there. */
  workingDir: string
  env: Record<string, string>
  mounts: Mount[]
  resources: Resources
  python?: PythonEnvironment
  /** Tasks with the same one may reach each other over the network; where the engine has networks, no others may. */
  networkScope?: string
  /** What it is called; others of its network scope reach it by this name. Default: made of its id. */
  hostname?: string
  /** Names with addresses, for engines whose tasks share the network of the machine: who is who in its scope. */
  hosts?: Record<string, string>
  /** Address of this machine that its ports listen at, for such engines. Default: loopback. */
  listenAddress?: string
  /** Ports that the command listens on. */
  ports?: number[]
  container?: ContainerOptions
  /** `image` is then what the result is called on this machine. */
  build?: ImageBuild
  /**
   * Folder on this machine, made by the caller. The engine appends the task's output to the files `stdout` and
   * `stderr` in it, and what the platform itself has to say about the run (the environment's build) to `system`. Where
   * it makes a Python environment, it writes what is in it to `packages`: `python==3.13.1` and then a line for each.
   */
  outputDir: string
}

/**
 * The steps of a run, in order. `create` and `start` are what it takes to make a container and to start it; `run` begins
 * when the user's command does.
 */
export type Phase = 'files' | 'build' | 'image' | 'create' | 'start' | 'environment' | 'run'

/** How a task ended. */
export interface TaskExit {
  /**
   * `exit`: the command ended by itself, `code` is its own. `signal`: killed by a signal, `code` is 128 + signal.
   * `oom`: killed for using more memory than it was given, `code` is 137. `setup`: it could not be started, and
   * `reason` says why (the user's doing, such as a requirements file that does not install: `blame` is `user`).
   * `lost`: the engine no longer has it and never saw it end (the machine's doing).
   */
  cause: 'exit' | 'signal' | 'oom' | 'setup' | 'lost'
  code: number | null
  /** One sentence for a person, where there is more to say than the code. */
  reason?: string
  blame: 'user' | 'machine'
}

/** What an engine sees of one task. */
export interface TaskReport {
  id: string
  state: 'starting' | 'running' | 'ended'
  /** Milliseconds since the epoch at which each phase began. */
  phases: { phase: Phase; at: number }[]
  /** The image that runs, by its digest: `docker.io/library/python@sha256:…`, or its id when no registry has it. */
  image?: string
  /** Present when `state` is `ended`. All output is in the output files by then. */
  exit?: TaskExit
  /** Milliseconds since the epoch. Present when `state` is `ended`. */
  endedAt?: number
}

export interface Gpu {
  index: number
  name: string
  memoryBytes: number
}

export interface Capacity {
  cpus: number
  memoryBytes: number
  gpus: Gpu[]
  /** Engines that say the same here give out the same processors, memory and GPUs. Left out: nobody else does. */
  machine?: string
  /** Each task has ports of its own, so that two may listen on the same one. */
  ownPorts?: boolean
}

/** What a task has changed in a folder: new files, in their places. */
export interface WrittenFolder {
  /** Absolute path on this machine; made by the engine. */
  root: string
  /** Path in it; the task may have made links of its parts. */
  path: string
}

/** A program that is to run inside a task, beside its command. */
export interface ExecRequest {
  /** The program, looked for on the PATH of the task, and its arguments. */
  argv: string[]
  /** It gets a terminal of this size: output and errors are then one. */
  terminal?: { columns: number; rows: number }
  /** Beside the variables of the task. */
  env: Record<string, string>
  /** Default: that of the task. */
  workingDir?: string
  /** Only in images. Default: that of the task. */
  user?: string
}

/** A program that runs inside a task. It ends with the task, and with this process. */
export interface ExecProcess {
  /** What it reads. */
  input: Writable
  output: Readable
  /** Nothing comes here if it has a terminal. */
  errors: Readable
  resize(columns: number, rows: number): void
  /** Ends it. */
  kill(): void
  /** Its exit code once it has ended and all output has been read: 128 and the signal, if one ended it. Never rejects. */
  exit: Promise<number>
}

/** A program could not be started in a task; the message is for a person. */
export class ExecError extends Error {}

/** Where a port of a task can be reached from this machine. */
export interface Address {
  host: string
  port: number
}

/**
 * What a task has used so far and uses now. What the machine cannot tell is left out: that is a gap, never a zero.
 * Counts go up from the begin of the task; one that goes down, as when an engine lost sight of a process, is a gap too.
 */
export interface TaskSample {
  id: string
  /** Processor seconds. */
  cpuSeconds?: number
  /** Periods in which it wanted to run, and those in which it was held back for having used up its share. */
  cpuPeriods?: number
  cpuThrottledPeriods?: number
  /** In use now, without what the system could take back. */
  memoryBytes?: number
  /** The most so far. */
  memoryPeakBytes?: number
  diskReadBytes?: number
  diskWriteBytes?: number
  /** Only where the task has a network of its own. */
  networkInBytes?: number
  networkOutBytes?: number
  processes?: number
}

/** What a GPU does now; what it does not tell is left out. */
export interface GpuSample {
  index: number
  /** Percent of the last moments in which it was busy, and in which its memory was. */
  utilization?: number
  memoryUtilization?: number
  memoryUsedBytes?: number
  memoryTotalBytes?: number
  powerWatts?: number
  temperatureCelsius?: number
}

export interface Samples {
  tasks: TaskSample[]
  /** All GPUs of the engine, whoever uses them. */
  gpus: GpuSample[]
}

/** One thing that `nabla doctor` found. */
export interface Finding {
  level: 'ok' | 'warning' | 'problem'
  /** A short noun: `mount namespaces`, `memory limits`. */
  topic: string
  message: string
  /** What to do about it. */
  hint?: string
}

/** An image that an engine has on this machine. */
export interface StoredImage {
  /** `sha256:…` */
  id: string
  names: string[]
  sizeBytes: number
  /** Milliseconds since the epoch. */
  createdAt: number
  /** When a task used it last, or it was fetched; null: not by us. */
  usedAt: number | null
  /** Made or fetched for a task, or fetched ahead. */
  ours: boolean
  /** Was fetched with a login, so that not everybody may know of it. */
  isPrivate: boolean
  /** Containers that use it, whosever they are. */
  containers: number
}

/** What to keep; what is in use is kept in any case. */
export interface ImageRule {
  /** Images that nobody has used for so long go. Null: no matter how long. */
  keepMs: number | null
  /** If they take more than this together, the ones that were used longest ago go. Null: no matter how much. */
  maxBytes: number | null
  /** Only what was made or fetched for tasks, or all that the engine has. */
  which: 'ours' | 'all'
}

/** Images of an engine on this machine. */
export interface ImageStore {
  list(): Promise<StoredImage[]>
  /** By id or name. `in use`: a container uses it, or a task is about to. */
  remove(reference: string): Promise<'removed' | 'in use' | 'unknown'>
  /** Fetches an image ahead, if it is not here. Throws an Error whose message is for a person. */
  fetch(image: string, login: ImageLogin | null, signal: AbortSignal): Promise<void>
  /** Removes what a rule does not keep, and answers with what went. `wanted`: names that stay. */
  collect(rule: ImageRule, wanted: readonly string[]): Promise<StoredImage[]>
}

export interface Engine {
  readonly name: string
  /** Left out: it has no images of its own. */
  readonly images?: ImageStore
  /** Makes images of the files of a task. */
  readonly builds?: boolean
  /**
   * For engines whose tasks have networks of their own: those that are started from now on, and those that run, reach
   * this port of the machine's 127.0.0.1, and nothing else of it.
   */
  reachServer?(port: number): void
  /** Where tasks find that port; null when they cannot. Left out: they share the network of the machine. */
  serverUrl?(): Promise<string | null>
  /** Whether it runs this image; when not, the sentence that tells the user what to do. */
  accepts(image: string): { ok: true } | { ok: false; reason: string }
  /** Starts a task, detached from this process. When it resolves, `list` will show the task even after a crash. */
  start(task: TaskSpec): Promise<void>
  /**
   * Asks the task to end (SIGTERM to all of it) and kills what is left after `graceMs`. Resolves when that has been
   * set in motion, not when the task has ended. Unknown ids are ignored.
   */
  stop(id: string, graceMs: number): Promise<void>
  /**
   * Lets a running task write to one of its mounts, or no longer: writes then fail with "read-only file system".
   * Answers false when that cannot be done now, because the task has a file open for writing there, or at all on
   * this machine.
   */
  setWritable(id: string, target: string, writable: boolean): Promise<boolean>
  /** Frees all that an ended task still holds. Unknown ids are ignored. */
  remove(id: string): Promise<void>
  /**
   * Where on this machine is what a running task, or one that has ended and is not removed, has changed in a `copy`
   * mount, or in a folder that is no mount. Null when that cannot be told. Left out: it never can.
   */
  writtenFolder?(id: string, target: string): Promise<WrittenFolder | null>
  /** Where what listens on this port of a running task can be reached; null when that cannot be told. */
  address(id: string, port: number): Promise<Address | null>
  /**
   * Runs a program inside a running task: in its namespaces, with its files, within its limits and with no more
   * rights. Throws ExecError when the task does not run, or the program cannot be started.
   */
  exec(id: string, request: ExecRequest): Promise<ExecProcess>
  /** Every task that was started and not yet removed. */
  list(): Promise<TaskReport[]>
  /** Calls back with the id of a task as soon as it may have changed, until the signal aborts. */
  watch(onChange: (id: string) => void, signal: AbortSignal): void
  capacity(): Promise<Capacity>
  /** Measures these tasks and all GPUs, in bounded time. Tasks that are unknown or have ended are left out. */
  sample(ids: readonly string[]): Promise<Samples>
  doctor(): Promise<Finding[]>
  /** Lets go of what this process holds (watchers, helpers). Tasks run on. */
  close(): Promise<void>
}
