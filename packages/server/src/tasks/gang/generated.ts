import { chmod, copyFile, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Mount } from '../../engines/engine.ts'
import type { SecretBox } from '../../lib/secret-box.ts'
import type { Gang } from '../task.ts'

/** Where a task of a gang finds what was written for it. */
export const generatedFolder = '/generated'

/**
 * Writes what a task of a gang needs to reach the others: the files that it was given, the key that all of them know
 * and nobody else, and the program that starts commands on them. Answers with how they are mounted.
 *
 * @param data the data folder of the server
 */
export async function writeGenerated(data: string, box: SecretBox, taskId: string, gang: Gang): Promise<Mount> {
  const folder = folderOf(data, taskId)
  await mkdir(folder, { recursive: true, mode: 0o755 })
  for (const [name, text] of Object.entries(gang.files)) await writeFile(join(folder, name), text)
  const key = join(folder, 'key')
  await rm(key, { force: true })
  await writeFile(key, box.derive(`gang ${gang.id}`), { mode: 0o400 })
  await copyFile(program, join(folder, 'launch'))
  await chmod(join(folder, 'launch'), 0o755)
  return { source: folder, target: generatedFolder, mode: 'ro' }
}

/** Deletes it, once the task is gone. Nothing happens if there is none. */
export async function removeGenerated(data: string, taskId: string): Promise<void> {
  await rm(folderOf(data, taskId), { recursive: true, force: true })
}

const program = fileURLToPath(new URL('launch.py', import.meta.url))

const folderOf = (data: string, taskId: string): string => join(data, 'generated', taskId)
