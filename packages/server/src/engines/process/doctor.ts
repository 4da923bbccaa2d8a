import type { Capacity, Finding } from '../engine.ts'
import type { ControlGroups } from './cgroups.ts'
import type { Machine } from './machine.ts'

/** What the process engine has to say about this machine. */
export async function examine(
  ready: Promise<{ machine: Machine; groups: ControlGroups }>,
  capacity: Promise<Capacity>,
  hasDatabase: boolean,
): Promise<Finding[]> {
  try {
    const { machine, groups } = await ready
    return [
      { level: 'ok', topic: 'python', message: `Python ${machine.version} at ${machine.python} starts the tasks.` },
      isolation(machine),
      copies(machine),
      ...limits(groups),
      graphics(await capacity),
      {
        level: 'ok',
        topic: 'trust',
        message: 'Tasks share the kernel and the network of this machine.',
        hint: 'Give access only to people who trust each other.',
      },
      ...(hasDatabase ? [database] : []),
    ]
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    return [{ level: 'problem', topic: 'python', message, hint: 'Install Python 3.9 or newer, then start again.' }]
  }
}

const database: Finding = {
  level: 'warning',
  topic: 'database',
  message: 'Tasks that run on the machine itself reach what the server reaches: the port of its database, too.',
  hint: 'Only its password keeps them out. Run what you do not trust in containers, which cannot reach it.',
}

function isolation(machine: Machine): Finding {
  const topic = 'machine of a task'
  if (machine.rootNamespaces === null && machine.machineOverlay === null) {
    const message =
      'Each task has the whole machine as its own copy: it may install and write anywhere, and this machine stays as it is.'
    return { level: 'ok', topic, message }
  }
  if (machine.rootNamespaces === null) {
    const message = `Tasks see this machine read-only, since its disk cannot lie under a copy (${machine.machineOverlay}).`
    return { level: 'warning', topic, message, hint: 'Put the data folder on a disk with ext4 or xfs.' }
  }
  if (machine.userNamespaces === null) {
    const message =
      'Tasks see this machine read-only: they write to their own folders, /tmp and their home, and install Python packages from requirements.txt.'
    const hint = 'Run the server as root to give each task a machine it may change freely.'
    return { level: 'warning', topic, message, hint }
  }
  const message = `No task can run: the kernel refuses namespaces (${machine.userNamespaces}).`
  return { level: 'problem', topic, message, hint: namespacesHint }
}

const namespacesHint =
  'Allow them with `sysctl -w kernel.unprivileged_userns_clone=1 user.max_user_namespaces=10000` (on Ubuntu also `kernel.apparmor_restrict_unprivileged_userns=0`), or run the server as root.'

function copies(machine: Machine): Finding {
  const topic = 'files of a task'
  if (machine.folderOverlay === null) {
    return { level: 'ok', topic, message: 'A task gets its files at once, whatever their size.' }
  }
  const message = `Files are copied for each task, since the kernel refuses an overlay (${machine.folderOverlay}).`
  return {
    level: 'warning',
    topic,
    message,
    hint: 'Put the data folder on a disk with ext4 or xfs, on Linux 5.11 or newer.',
  }
}

function limits({ version, parents }: ControlGroups): Finding[] {
  const without = {
    cpu: 'Tasks share the processor without limits.',
    memory:
      'Each process of a task is limited by itself, and one that needs too much memory is told so instead of being killed.',
    pids: 'The number of processes is limited per user, which does not hold for root.',
  }
  return (['cpu', 'memory', 'pids'] as const).map((controller) => {
    const topic = `${controller} limits`
    if (parents[controller]) return { level: 'ok', topic, message: `In force (control groups, version ${version}).` }
    const hint = 'Run the server as root, or as a systemd service with Delegate=yes.'
    return { level: 'warning', topic, message: without[controller], hint }
  })
}

function graphics({ gpus }: Capacity): Finding {
  const names = gpus.map(({ name }) => name).join(', ')
  const message = gpus.length > 0 ? `${gpus.length}: ${names}.` : 'None: nvidia-smi is not there or lists none.'
  return { level: 'ok', topic: 'GPUs', message }
}
