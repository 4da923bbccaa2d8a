import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { CliError, systemCode } from './cli-error.ts'

const profile = z.object({ key: z.string().optional(), user: z.string().optional(), team: z.string().optional() })
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
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return { servers: {} }
    throw new CliError(`The file ${file} cannot be read (${systemCode(error)}).`, 'Check its owner and its mode.')
  }
  const parsed = profiles.safeParse(parseJson(text))
  if (parsed.success) return parsed.data
  throw new CliError(`The file ${file} is damaged.`, 'Remove it and run `nabla login` again.')
}

/** Writes the logins, readable for this user alone, and in one step. */
export async function writeProfiles(file: string, next: Profiles): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  const draft = `${file}.${process.pid}.tmp`
  await writeFile(draft, `${JSON.stringify(next, null, 2)}\n`, { mode: 0o600 })
  await chmod(draft, 0o600)
  await rename(draft, file)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
