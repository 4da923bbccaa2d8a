import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Config } from '@nabla/server/config'
import { CliError, systemCode, usageError } from './cli-error.ts'
import type { Context } from './context.ts'

/** For commands that are, or stand in for, a server on this machine. The server is loaded only when one is called. */

/** Text of a settings file. */
export async function readSettingsText({ cwd }: Context, file: string): Promise<string> {
  try {
    return await readFile(resolve(cwd, file), 'utf8')
  } catch (error) {
    throw usageError(`The file ${file} cannot be read (${systemCode(error) ?? String(error)}).`, 'Check its path.')
  }
}

/** Settings of a settings file (YAML). */
export async function parseSettings(text: string, file: string): Promise<Record<string, unknown>> {
  const { parse } = await import('yaml')
  try {
    const value: unknown = parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  } catch (error) {
    throw usageError(
      `The file ${file} is no YAML: ${error instanceof Error ? error.message : String(error)}`,
      'Correct it.',
    )
  }
  throw usageError(`The file ${file} holds no settings.`, 'Write them as `name: value`, one a line.')
}

export interface ServerFlags {
  data: string | undefined
  database: string | undefined
  config: string | undefined
}

/** Settings of a server on this machine, and the text of the file that they come from. */
export async function loadServerConfig(
  context: Context,
  { data, database, config: file }: ServerFlags,
): Promise<{ config: Config; text: string | undefined }> {
  const text = file === undefined ? undefined : await readSettingsText(context, file)
  const given = {
    ...(text !== undefined && file !== undefined && (await parseSettings(text, file))),
    ...(data !== undefined && { data: resolve(context.cwd, data) }),
    ...(database !== undefined && { database }),
  }
  const { loadConfig } = await import('@nabla/server/config')
  return { config: loadConfig(given, context.io.variables), text }
}

/** The part of the server that backs up and restores. */
export const loadBackups = () => import('@nabla/server/backup/index')

/** The part of the server that checks what is stored. */
export const loadCheck = () => import('@nabla/server/check-data')

/** A gateway that is a process of its own. */
export const loadGateway = () => import('@nabla/server/gateway-process')

/** Runs something of the server here. It words its problems as the API does, and they become those of the command. */
export async function inServerWords<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    if (error instanceof Error && error.name === 'AppError' && 'hint' in error) {
      throw new CliError(error.message, String(error.hint), 'failure', error)
    }
    throw error
  }
}

/** A signal that Ctrl-C aborts. */
export function untilInterrupt({ io }: Context): { signal: AbortSignal; release: () => void } {
  const stop = new AbortController()
  const release = io.onInterrupt(() =>
    stop.abort(new CliError('Stopped.', 'Run it again: it goes on from there.', 'failure')),
  )
  return { signal: stop.signal, release }
}
