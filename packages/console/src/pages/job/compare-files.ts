import { client } from '../../api/client.ts'

const largestRead = 256 * 1024

/** A file that a job began with, as text; at most as much as is shown. */
export async function readFile(job: string, path: string, signal: AbortSignal): Promise<string> {
  const headers = { range: `bytes=0-${largestRead - 1}` }
  return (await client.workspace.get({ job, path }, { signal, headers })).text()
}

/** Packages of a requirements file, with what is said of their versions. */
export function parseRequirements(text: string): Map<string, string> {
  const packages = new Map<string, string>()
  for (const line of text.split('\n')) {
    const [, name, rest] = /^\s*([A-Za-z0-9][\w.-]*(?:\[[^\]]*\])?)\s*([^#]*)/.exec(line.split(' #', 1)[0] ?? '') ?? []
    if (name !== undefined) packages.set(name.toLowerCase().replaceAll('_', '-'), (rest ?? '').trim() || 'any')
  }
  return packages
}
