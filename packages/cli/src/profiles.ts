import { chmod, mkdir, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fieldsOf, readJsonFile } from './json-file.ts'

/** What is kept of one login. */
export interface Profile {
  key?: string | undefined
  user?: string | undefined
  team?: string | undefined
  /** Keys of the teams that were acted in, by their ids. */
  keys?: Record<string, string> | undefined
}

/** The logins of this user: one for each server, and which server is meant when none is named. */
export interface Profiles {
  current?: string | undefined
  servers: Record<string, Profile>
}

/** Reads the logins; a file that is not there holds none. Throws when it is there and is not what it should be. */
export async function readProfiles(file: string): Promise<Profiles> {
  return (await readJsonFile(file, toProfiles, 'Remove it and run `nabla login` again.')) ?? { servers: {} }
}

/** Writes the logins, readable for this user alone, and in one step. */
export async function writeProfiles(file: string, next: Profiles): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  const draft = `${file}.${process.pid}.tmp`
  await writeFile(draft, `${JSON.stringify(next, null, 2)}\n`, { mode: 0o600 })
  await chmod(draft, 0o600)
  await rename(draft, file)
}

function toProfiles(json: unknown): Profiles | undefined {
  const fields = fieldsOf(json)
  if (!fields) return undefined
  const { current, servers: given = {} } = fields
  const servers = fieldsOf(given)
  if (!servers || !isTextOrNone(current) || !Object.values(servers).every(isProfile)) return undefined
  return { ...fields, servers } as Profiles
}

function isProfile(json: unknown): boolean {
  const fields = fieldsOf(json)
  if (!fields) return false
  const { key, user, team, keys = {} } = fields
  const byTeam = fieldsOf(keys)
  if (!byTeam || ![key, user, team].every(isTextOrNone)) return false
  return Object.values(byTeam).every((text) => typeof text === 'string')
}

const isTextOrNone = (json: unknown): boolean => json === undefined || typeof json === 'string'
