import { constants } from 'node:fs'
import { open, realpath } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { Readable } from 'node:stream'

import { create } from 'tar'

import { parseDockerignore } from './dockerignore.ts'
import { SetupFailure } from './exit.ts'

/** Rules of what stays behind are short; more than this is no file of rules. */
const mostIgnoreBytes = 1024 * 1024

/**
 * The files that an image is built of, as a stream of tar: those of a folder that its `.dockerignore` does not leave out.
 * Links travel as links. Throws SetupFailure when the Dockerfile is not there.
 */
export async function packContext(folder: string, dockerfile: string): Promise<Readable> {
  if ((await readBeneath(folder, dockerfile)) === null) {
    throw new SetupFailure(`The workspace has no file ${dockerfile}. Name another one with --dockerfile.`, 'user')
  }
  const rules =
    (await readBeneath(folder, `${dockerfile}.dockerignore`)) ?? (await readBeneath(folder, '.dockerignore'))
  const ignore = parseDockerignore(rules ?? '')
  // The daemon reads these two itself, whatever the rules say.
  const needed = new Set([plain(dockerfile), '.dockerignore'])
  const filter = (entry: string, stat: object) => {
    const path = plain(entry)
    if (path === '' || needed.has(path) || [...needed].some((one) => one.startsWith(`${path}/`))) return true
    return isFolder(stat) ? !ignore.ignoresAllOf(path) : !ignore.ignores(path)
  }
  const pack = create({ cwd: folder, portable: true, follow: false, filter, onwarn: () => {} }, ['.'])
  return Readable.from(pack as AsyncIterable<Buffer>, { objectMode: false })
}

const plain = (path: string): string =>
  path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/')

const isFolder = (stat: object): boolean =>
  'isDirectory' in stat && typeof stat.isDirectory === 'function' && stat.isDirectory() === true

/** The text of a file in a folder; null when there is none, or when it leads out of the folder. */
async function readBeneath(folder: string, path: string): Promise<string | null> {
  try {
    const place = await realpath(join(folder, path))
    if (!place.startsWith((await realpath(folder)) + sep)) return null
    const file = await open(place, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      const stat = await file.stat()
      if (!stat.isFile() || stat.size > mostIgnoreBytes) return null
      return await file.readFile('utf8')
    } finally {
      await file.close()
    }
  } catch {
    return null
  }
}
