import { chmod, mkdir, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { readJsonFile } from './json-file.ts'

const profile = z.object({
  key: z.string().optional(),
  user: z.string().optional(),
  team: z.string().optional(),
  /** Keys of the teams that were acted in, by their ids. */
  keys: z.record(z.string(), z.string()).optional(),
})
const profiles = z.object({
  current: z.string().optional(),
  servers: z.record(z.string(), profile).default({}),
})

/** What is kept of one login. */
export type Profile = z.output<typeof profile>

/** The logins of this user: one for each server, and which server is meant when none is named. */
export type Profiles = z.output<typeof profiles>

/** Reads the logins; a file that is not there holds none. Throws when it is there and is not what it should be. */
export async function readProfiles(file: string): Promise<Profiles> {
  return (await readJsonFile(file, profiles, 'Remove it and run `nabla login` again.')) ?? { servers: {} }
}

/** Writes the logins, readable for this user alone, and in one step. */
export async function writeProfiles(file: string, next: Profiles): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  const draft = `${file}.${process.pid}.tmp`
  await writeFile(draft, `${JSON.stringify(next, null, 2)}\n`, { mode: 0o600 })
  await chmod(draft, 0o600)
  await rename(draft, file)
}
