import type { TaskSample } from '../engine.ts'
import { readKernelFile } from '../machine/kernel-files.ts'
import { findFiles, readFigures } from '../machine/task-figures.ts'

/** Digits of a container's id by which its control groups are known. */
const idDigits = 12

/**
 * What a container uses, read from the kernel: the daemon's own figures come a second late and cost as long. Null when
 * its processes are not on this machine, or are no longer the container's.
 */
export function readUse(id: string, containerId: string, pid: number): TaskSample | null {
  const text = readKernelFile(`/proc/${pid}/cgroup`)
  if (text === null || !text.includes(containerId.slice(0, idDigits))) return null
  const { processes, ...figures } = readFigures({ pid, start: 0, ...findFiles(groupFolders(text)) })
  // Without the first process, which is ours.
  return { id, ...figures, ...(processes === undefined ? {} : { processes: Math.max(0, processes - 1) }) }
}

/** Lines of /proc/PID/cgroup, of both versions: https://man7.org/linux/man-pages/man7/cgroups.7.html */
export function groupFolders(text: string): string[] {
  return text.split('\n').flatMap((line) => {
    const [, controllers, ...path] = line.split(':')
    if (controllers === undefined || path.length === 0) return []
    const folder = path.join(':')
    if (controllers === '') return [`/sys/fs/cgroup${folder}`]
    return [`/sys/fs/cgroup/${controllers.replace(/^name=/, '')}${folder}`]
  })
}
