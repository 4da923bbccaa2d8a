import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { parseEnv } from 'node:util'
import { systemCode, usageError } from './cli-error.ts'
import type { Context } from './context.ts'
import type { JobFlags } from './job/flags.ts'

/** Files first, then --env, then --secret: what is nearer to the command wins. */
export async function readEnv(
  context: Context,
  flags: Pick<JobFlags, 'env' | 'envFile' | 'secret'>,
): Promise<Record<string, string>> {
  const env: Record<string, string> = {}
  for (const file of flags.envFile) Object.assign(env, await readEnvFile(context, file))
  for (const text of flags.env) {
    const [name, value] = splitAssignment(text)
    const found = value ?? context.io.variables[name]
    if (found === undefined) {
      throw usageError(`The variable ${name} is not set here.`, `Set it, or give its value: --env ${name}=value`)
    }
    env[name] = found
  }
  for (const text of flags.secret) {
    const [name, secret] = splitAssignment(text)
    env[name] = `secret:${secret ?? name}`
  }
  return env
}

async function readEnvFile({ cwd }: Context, file: string): Promise<Record<string, string | undefined>> {
  try {
    return parseEnv(await readFile(resolve(cwd, file), 'utf8'))
  } catch (error) {
    throw usageError(`The file ${file} cannot be read (${systemCode(error) ?? String(error)}).`, 'Check its path.')
  }
}

function splitAssignment(text: string): [string, string | undefined] {
  const at = text.indexOf('=')
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)]
}
