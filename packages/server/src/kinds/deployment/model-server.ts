import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Trx } from '../../db/transaction.ts'
import { AppError } from '../../lib/app-error.ts'
import type { Task } from '../../tasks/task.ts'
import type { ChosenModel } from '../model/mounts.ts'
import type { StartGift } from '../planned.ts'

/** How the built-in server is run in a task. */
export interface ServerProgram {
  command: string
  /** Text of files in `/generated`, by name. */
  files: Record<string, string>
}

/** Its folder in this installation, and those that it needs. */
const root = fileURLToPath(new URL('../../../../..', import.meta.url))
const folders = ['packages/serve', 'packages/api', 'node_modules'].map((name) => join(root, name))
const settingsFile = 'serve.json'

/** What it cannot run: files without a program, or of which nobody knows how to run them. */
const refused = new Set(['safetensors', 'gguf', 'custom'])

/**
 * What a task with settings of the built-in server is given: the paths of this installation, which may be another one
 * when the next instance starts, and its folders where the task does not see them by itself.
 */
export function serverGift({ request }: Task): StartGift {
  if (request.gang?.files[settingsFile] === undefined) return {}
  const env = { NABLA_NODE: process.execPath, NABLA_MODEL_SERVER: join(root, 'packages/serve/src/main.ts') }
  const isOnHost = request.image === 'host'
  const sees = isOnHost && !ownToTasks.some((folder) => root.startsWith(folder))
  // In an image there is no Node, and the one of this machine may be installed elsewhere.
  const isWithin = folders.some((folder) => process.execPath.startsWith(`${folder}/`))
  const needed = isOnHost || isWithin ? folders : [...folders, process.execPath]
  return { env, mounts: sees ? [] : needed.map((place) => ({ source: place, target: place, mode: 'ro' })) }
}

/** Tasks have folders of their own there. */
const ownToTasks = ['/tmp/', '/var/tmp/']

/**
 * The program that serves a model on `$PORT`, and what it is told: see `packages/serve/README.md`. Throws AppError
 * `bad_deployment` for a format that it does not run.
 */
export async function modelServer(
  trx: Trx,
  chosen: ChosenModel,
  { inContainer }: { inContainer: boolean },
): Promise<ServerProgram> {
  const { name, version, path, versionId } = chosen
  const row = await trx.selectFrom('modelVersions').select('format').where('id', '=', versionId).executeTakeFirst()
  const format = row?.format ?? 'custom'
  if (refused.has(format)) {
    throw new AppError('bad_deployment', {
      reason: `the built-in server does not run ${name}:${version}, which is ${format}`,
      fix: 'Export it to ONNX, or give a command that serves it.',
    })
  }
  const config = { models: [{ name, version: String(version), path, format }] }
  const host = inContainer ? '0.0.0.0' : '127.0.0.1'
  return {
    command: `exec "$NABLA_NODE" "$NABLA_MODEL_SERVER" --config /generated/${settingsFile} --host ${host} --port "$PORT"`,
    files: { [settingsFile]: `${JSON.stringify(config, null, 2)}\n` },
  }
}
