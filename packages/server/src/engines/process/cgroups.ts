import { access, constants, mkdir, readFile, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

const controllers = ['cpu', 'memory', 'pids'] as const
type Controller = (typeof controllers)[number]

/** The folders in which a group is made for each task, by what it limits. None: this machine does not let us. */
export interface ControlGroups {
  version: 1 | 2
  parents: Partial<Record<Controller, string>>
}

/** Our folder among those of the machine's other programs. */
const name = 'nabla'
/** For the server itself, where it has to make room. */
const asideName = 'nabla-server'

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
  const group = join(at, await ownGroup())
  const own = basename(group) === asideName ? dirname(group) : group
  for (const base of [at, own]) {
    const parents = await parentsBelow(base, base === own)
    if (Object.keys(parents).length > 0) return parents
  }
  return {}
}

async function parentsBelow(base: string, isOwn: boolean): Promise<ControlGroups['parents']> {
  const folder = join(base, name)
  const parents: ControlGroups['parents'] = {}
  if (!(await makeWritable(folder))) return parents
  if (isOwn && !(await enable(base, 'memory'))) await stepAside(base)
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

/** A group that hands controllers down may have no processes of its own: those in it move to one below. */
async function stepAside(own: string): Promise<void> {
  const aside = join(own, asideName)
  if (!(await makeWritable(aside))) return
  for (const pid of (await readWords(join(own, 'cgroup.procs'))) ?? []) {
    // One that has ended meanwhile cannot be moved and need not be.
    await writeFile(join(aside, 'cgroup.procs'), pid).catch(() => {})
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
