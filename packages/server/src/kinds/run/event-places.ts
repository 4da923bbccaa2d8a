import { constants } from 'node:fs'
import { posix } from 'node:path'
import type { Deps } from '../../deps.ts'
import { limits } from '../../lib/limits.ts'
import { openBeneath, pinFolder } from '../../lib/safe-path.ts'
import type { Task, TaskRequest } from '../../tasks/task.ts'
import { pathText, walk } from '../../volumes/walk.ts'

/** A folder on this machine in which a task may write event files. */
export interface EventPlace {
  root: string
  /** Where the task sees the root. */
  target: string
  /** Stands before keys of what the next attempt does not see. */
  attempt: string
  /** Only what is below it; empty for all. */
  within: string
}

/** An event file that was found. */
export interface FoundFile {
  place: EventPlace
  /** From the root of its place. */
  path: string
  /** The same as long as it is the same file, for whoever remembers it. */
  key: string
  /** As the task sees it. */
  folder: string
}

/** Many jobs see it, and it may be large. */
const storageFolder = '/storage'

/** The variable by which a job names the one folder with its event files, where that is not found by itself. */
const eventsVariable = 'NABLA_TENSORBOARD_DIR'

/**
 * Where the event files of a task may be: among its artifacts and in what it wrote to its workspace; or in the folder
 * that its variable names, which may be in the storage too.
 */
export async function placesOf(deps: Deps, task: Task): Promise<EventPlace[]> {
  const { env, workingDir } = task.request
  const named = env[eventsVariable]
  const wanted = named === undefined ? null : posix.resolve(workingDir, named)
  const places: EventPlace[] = []
  for (const volume of writable(task)) {
    const { target, aliases = [] } = volume
    const alias = [target, ...aliases].find((one) => wanted === one || wanted?.startsWith(`${one}/`))
    if (wanted === null ? target === storageFolder : alias === undefined) continue
    const place = await placeOf(deps, task, volume)
    const inside = wanted?.slice((alias ?? '').length + 1) ?? ''
    if (place) places.push({ ...place, within: [place.within, inside].filter(Boolean).join('/') })
  }
  return places
}

async function placeOf(
  { engines, volumes }: Deps,
  task: Task,
  { volumeId, target, mode }: TaskRequest['volumes'][number],
): Promise<EventPlace | null> {
  if (mode === 'rw') return { root: volumes.volumeDir(volumeId), target, within: '', attempt: '' }
  const written = await engines.get(task.engine)?.writtenFolder?.(task.id, target)
  if (!written) return null
  const { root, path } = written
  return { root, target: path === '' ? target : '/', within: path, attempt: `${task.attempt} ` }
}

/** The volumes that it writes to, and its workspace: also where that was empty from the start. */
function writable({ request: { volumes, workingDir } }: Task): TaskRequest['volumes'] {
  const own = volumes.filter(({ mode }) => mode !== 'ro')
  if (own.some(({ target }) => target === workingDir)) return own
  return [...own, { volumeId: '', target: workingDir, mode: 'copy' }]
}

/** The event files in a place, a bounded number, in the order of their paths. What cannot be read is left out. */
export async function findEventFiles(place: EventPlace): Promise<FoundFile[]> {
  const found: FoundFile[] = []
  const start = await openFolder(place)
  if (!start) return []
  let entries = 0
  try {
    for await (const { path, name, stats } of walk(start, { recursive: true })) {
      if (++entries > limits.eventFileEntries || found.length >= limits.eventFiles) break
      if (!name.includes('tfevents') || !stats.isFile()) continue
      const text = posix.join(place.within, pathText(path))
      // Those that MLflow's client has copied there are known from where they were written.
      if (/^runs\/ru[0-9a-z]{16}\//.test(text)) continue
      const whole = posix.join(place.target, text)
      found.push({ place, path: text, key: place.attempt + whole, folder: posix.dirname(whole) })
    }
  } finally {
    await start.close()
  }
  return found
}

async function openFolder({ root, within }: EventPlace) {
  try {
    if (within === '') return await pinFolder(root)
    return await openBeneath(root, within, constants.O_RDONLY | constants.O_DIRECTORY)
  } catch {
    return null
  }
}

/** Folders of one training that TensorBoard shows as runs of their own: Keras writes them. */
const parts = new Set(['train', 'training', 'validation', 'val', 'valid', 'test', 'testing', 'eval', 'evaluation'])

/**
 * What stands before the names of the metrics of a folder: nothing for the first one; for others as many of its last
 * parts as tell it from those that are there. It never changes.
 *
 * @param known prefixes by folder, of the same run
 */
export function prefixFor(folder: string, known: ReadonlyMap<string, string>): string {
  const own = known.get(folder)
  if (own !== undefined) return own
  const names = folder.split('/').filter(Boolean)
  const taken = new Set(known.values())
  if (!taken.has('') && !parts.has(names.at(-1) ?? '')) return ''
  for (let count = 1; count <= names.length; count++) {
    const prefix = `${names.slice(-count).join('/')}/`
    if (!taken.has(prefix)) return prefix
  }
  return `${folder}/`
}
