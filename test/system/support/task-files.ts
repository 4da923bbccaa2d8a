import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** What the process engine writes of a task, as far as tests look at it. */
interface ReportFile {
  pid: number
  supervised?: boolean
  cgroups: string[]
  exit?: object
}

/** The reports that the engine keeps of its tasks, by id. */
export function readReports(data: string): Map<string, ReportFile> {
  const folder = join(data, 'process/reports')
  const reports = new Map<string, ReportFile>()
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    if (!name.endsWith('.json') || name.startsWith('.')) continue
    try {
      reports.set(name.slice(0, -'.json'.length), JSON.parse(readFileSync(join(folder, name), 'utf8')) as ReportFile)
    } catch {
      // It was removed meanwhile.
    }
  }
  return reports
}

/** Everything that should be gone once no task is there any more: files of tasks and half-made ones. */
export function leftovers(data: string): string[] {
  const folders = ['process/tasks', 'process/reports', 'process/trash', 'volumes/.staging', 'volumes/.trash']
  const files = folders.flatMap((folder) => readdirSync(join(data, folder)).map((name) => join(folder, name)))
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line.includes(`${data}/`))
  return [...files, ...mounts]
}

/** Control groups of tasks with these ids. */
export function groupsOf(taskIds: readonly string[]): string[] {
  const found = globSync('/sys/fs/cgroup/{nabla,*/nabla,**/nabla}/tk*')
  return found.filter((path) => taskIds.some((id) => path.endsWith(`/${id}`)))
}
