import { readFile } from 'node:fs/promises'
import { CliError, systemCode } from './cli-error.ts'

/**
 * What a file of ours holds; undefined if it is not there. `read` makes it of the JSON, or answers undefined when that
 * is not what it should be; by hand, as every command reads such files and schemas take longer to load than all else.
 * `mend`: what to do then. Throws CliError when it is damaged or cannot be read.
 */
export async function readJsonFile<Value>(
  file: string,
  read: (json: unknown) => Value | undefined,
  mend: string,
): Promise<Value | undefined> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return undefined
    throw new CliError(`The file ${file} cannot be read (${systemCode(error)}).`, 'Check its owner and its mode.')
  }
  const value = read(parseJson(text))
  if (value !== undefined) return value
  throw new CliError(`The file ${file} is damaged.`, mend)
}

/** The fields of a JSON object; undefined for anything else. */
export function fieldsOf(json: unknown): Record<string, unknown> | undefined {
  const isObject = typeof json === 'object' && json !== null && !Array.isArray(json)
  return isObject ? (json as Record<string, unknown>) : undefined
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
