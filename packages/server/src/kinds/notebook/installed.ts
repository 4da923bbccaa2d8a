import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { isMissing } from '../../lib/file-error.ts'
import { limits } from '../../lib/limits.ts'
import { list, openRead, stat } from '../../volumes/folder.ts'

/** One package in the layer of a notebook. */
export interface Installed {
  name: string
  version: string
  /** Somebody asked for it; the others came with one that was. */
  requested: boolean
  /** Where it came from, if it was no package index. */
  source: string | null
}

/**
 * What was installed in the environment of a notebook, by what pip leaves beside each package
 * (https://packaging.python.org/en/latest/specifications/recording-installed-packages/). Nothing of it is run. The
 * folder is written to by whoever uses the notebook, so nothing in it is trusted.
 *
 * @param environment folder of the environment's volume
 */
export async function readInstalled(environment: string): Promise<{ items: Installed[]; python: string | null }> {
  const python = await pythonOf(environment)
  if (python === null) return { items: [], python }
  const site = `layer/lib/${python}/site-packages`
  const items: Installed[] = []
  let after: string | undefined
  do {
    const page = await list(environment, site, { recursive: false, limit: 1000, ...(after ? { after } : {}) }).catch(
      nothing,
    )
    for (const { path, type } of page.items) {
      const [, name, version] = /\/([^/]+?)-([^/-]+)\.dist-info$/.exec(path) ?? []
      if (type !== 'folder' || name === undefined || version === undefined) continue
      items.push({ name, version, ...(await aboutOne(environment, path)) })
    }
    after = page.next ?? undefined
  } while (after !== undefined && items.length < limits.notebookPackages)
  return { items: items.toSorted((a, b) => a.name.localeCompare(b.name)), python: python.slice('python'.length) }
}

/** Those that somebody asked for, as lines of a requirements file. */
export function toRequirements(items: readonly Installed[]): string[] {
  return items
    .filter(({ requested, name, version }) => requested && isWord(name) && isWord(version))
    .map(({ name, version, source }) => (source === null ? `${name}==${version}` : `${name} @ ${source}`))
}

const isWord = (text: string): boolean => /^[\w.+!-]{1,200}$/.test(text) && !text.startsWith('-')

const nothing = () => ({ items: [], next: null })

async function pythonOf(environment: string): Promise<string | null> {
  try {
    const names = await readdir(join(environment, 'layer', 'lib'))
    return names.find((name) => /^python3\.\d{1,3}$/.test(name)) ?? null
  } catch (error) {
    if (isMissing(error)) return null
    throw error
  }
}

async function aboutOne(environment: string, folder: string): Promise<Pick<Installed, 'requested' | 'source'>> {
  const requested = await stat(environment, `${folder}/REQUESTED`).catch(() => null)
  const direct = await readText(environment, `${folder}/direct_url.json`)
  return { requested: requested !== null, source: direct === null ? null : urlIn(direct) }
}

/** A repository is named with the commit that came: https://peps.python.org/pep-0610/ */
function urlIn(text: string): string | null {
  try {
    const { url, vcs_info: vcs } = JSON.parse(text) as {
      url?: unknown
      vcs_info?: { vcs?: string; commit_id?: string }
    }
    if (typeof url !== 'string' || !/^[a-z+]+:[^\s#]{1,2000}$/.test(url)) return null
    return vcs?.vcs === 'git' && /^[0-9a-f]{40}$/.test(vcs.commit_id ?? '') ? `git+${url}@${vcs.commit_id}` : url
  } catch {
    return null
  }
}

/** The beginning of a small file; null: there is none. */
async function readText(root: string, path: string): Promise<string | null> {
  try {
    const file = await openRead(root, path, { range: { start: 0, end: limits.notebookAboutBytes } })
    const parts: Buffer[] = []
    for await (const part of file.stream) parts.push(part as Buffer)
    return Buffer.concat(parts).toString()
  } catch {
    return null
  }
}
