import { readFile } from 'node:fs/promises'
import type { z } from 'zod'
import { CliError, systemCode } from './cli-error.ts'

/**
 * What a file of ours holds; undefined if it is not there. `mend`: what to do when it is not what it should be. Throws
 * CliError then, and when it cannot be read.
 */
export async function readJsonFile<Value>(
  file: string,
  schema: z.ZodType<Value>,
  mend: string,
): Promise<Value | undefined> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return undefined
    throw new CliError(`The file ${file} cannot be read (${systemCode(error)}).`, 'Check its owner and its mode.')
  }
  const parsed = schema.safeParse(parseJson(text))
  if (parsed.success) return parsed.data
  throw new CliError(`The file ${file} is damaged.`, mend)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
