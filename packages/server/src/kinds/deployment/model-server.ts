import { fileURLToPath } from 'node:url'
import type { Trx } from '../../db/transaction.ts'
import { AppError } from '../../lib/app-error.ts'
import type { ChosenModel } from '../model/mounts.ts'

/** How the built-in server is run in a task. */
export interface ServerProgram {
  command: string
  env: Record<string, string>
  /** Text of files in `/generated`, by name. */
  files: Record<string, string>
}

const program = fileURLToPath(new URL('../../../../serve/src/main.ts', import.meta.url))

/** What it cannot run: files without a program, or of which nobody knows how to run them. */
const refused = new Set(['safetensors', 'gguf', 'custom'])

/**
 * The program that serves a model on `$PORT`, and what it is told: see `packages/serve/README.md`. Throws AppError
 * `bad_deployment` for a format that it does not run.
 */
export async function modelServer(trx: Trx, chosen: ChosenModel): Promise<ServerProgram> {
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
  return {
    command: 'exec "$NABLA_NODE" "$NABLA_MODEL_SERVER" --config /generated/serve.json --port "$PORT"',
    env: { NABLA_NODE: process.execPath, NABLA_MODEL_SERVER: program },
    files: { 'serve.json': `${JSON.stringify(config, null, 2)}\n` },
  }
}
