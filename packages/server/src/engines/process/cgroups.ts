import { access, constants, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const controllers = ['cpu', 'memory', 'pids'] as const
type Controller = (typeof controllers)[number]

/** The folders in which a group is made for each task, by what it limits. None: this machine does not let us. */
export interface ControlGroups {
  version: 1 | 2
  parents: Partial<Record<Controller, string>>
}

/** Our folder among those of the machine's other programs. */
const name = 'nabla'

/** Finds and makes the parent folders, of whichever version this machine has. `at`: where control groups are mounted. */
export async function findControlGroups(at = '/sys/fs/cgroup'): Promise<ControlGroups> {
  const unified = await readWords(join(at, 'cgroup.controllers'))
  if (unified) return { version: 2, parents: await unifiedParents(at) }
  const parents: ControlGroups['parents'] = {}
  for (const controller of controllers) {
    const folder = join(at, controller, name)
    if (await makeWritable(folder)) parents[controller] = folder
  }
  return { version: 1, parents }
}

/** Version 2: below the top when we may, else below our own group when it was handed to us (systemd's Delegate=). */
async function unifiedParents(at: string): Promise<ControlGroups['parents']> {
  for (const base of [at, join(at, await ownGroup())]) {
    const parents = await parentsBelow(base)
    if (Object.keys(parents).length > 0) return parents
  }
  return {}
}

async function parentsBelow(base: string): Promise<ControlGroups['parents']> {
  const folder = join(base, name)
  const parents: ControlGroups['parents'] = {}
  if (!(await makeWritable(folder))) return parents
  for (const controller of controllers) {
    if ((await enable(base, controller)) && (await enable(folder, controller))) parents[controller] = folder
  }
  return parents
}

/** Hands a controller down to the groups below `folder`. */
async function enable(folder: string, controller: Controller): Promise<boolean> {
  const file = join(folder, 'cgroup.subtree_control')
  if ((await readWords(file))?.includes(controller)) return true
  try {
    await writeFile(file, `+${controller}`)
    return true
  } catch {
    return false
  }
}

async function ownGroup(): Promise<string> {
  const lines = (await readFile('/proc/self/cgroup', 'utf8')).split('\n')
  return lines.find((line) => line.startsWith('0::'))?.slice('0::'.length) ?? '/'
}

async function makeWritable(folder: string): Promise<boolean> {
  try {
    await mkdir(folder, { recursive: true })
    await access(join(folder, 'cgroup.procs'), constants.W_OK)
    return true
  } catch {
    return false
  }
}

async function readWords(file: string): Promise<string[] | null> {
  try {
    return (await readFile(file, 'utf8')).trim().split(/\s+/)
  } catch {
    return null
  }
}
