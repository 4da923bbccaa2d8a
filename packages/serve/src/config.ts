import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { basename } from 'node:path'
import { parseArgs } from 'node:util'
import { type ModelFormat, modelFormat } from '@nabla/api/model-format'
import { z } from 'zod'
import { limits as bounds } from './limits.ts'

const MiB = 2 ** 20

const dataType = z.enum([
  'bool',
  'int8',
  'int16',
  'int32',
  'int64',
  'uint8',
  'uint16',
  'uint32',
  'uint64',
  'float16',
  'float32',
  'float64',
  'string',
])

const tensor = z.object({
  name: z.string(),
  type: dataType,
  shape: z
    .array(z.union([z.int().nonnegative(), z.string().transform(() => null), z.null()]))
    .nullable()
    .describe('A name or null where any length will do.'),
})

/** Names stand in addresses. */
const name = z.string().regex(/^[\w.-]{1,128}$/, 'letters, digits, `_`, `.` and `-`, at most 128')

const model = z.object({
  name,
  version: z.union([z.int().nonnegative().transform(String), name]).default('1'),
  path: z.string().describe('A folder, or a file where the format is one file.'),
  format: modelFormat,
  labels: z.array(name).default([]).describe('Names of this version, such as `stable`: it is found by them too.'),
  classes: z.array(z.string()).optional().describe('What the columns of the scores of a classifier mean, in order.'),
  python: z.string().optional().describe('Interpreter with what the model needs. Default: that of the server.'),
  signature: z
    .object({ inputs: z.array(tensor), outputs: z.array(tensor).default([]) })
    .optional()
    .describe('For models that do not say it themselves, such as TorchScript.'),
})

const limits = z.object({
  maxBatch: z.int().min(1).max(65_536).default(256).describe('Rows in one run of a model, and in one request.'),
  batchDelayMs: z.number().min(0).max(10_000).default(0).describe('How long a request may wait for others to join.'),
  queue: z.int().min(1).max(1_000_000).default(1024).describe('Requests of one model that wait; more get 429.'),
  bodyBytes: z
    .int()
    .min(1024)
    .max(1024 * MiB)
    .default(64 * MiB),
  timeoutMs: z.int().min(1).max(3_600_000).default(60_000).describe('After which a request is answered with 504.'),
  threads: z.int().min(1).max(1024).default(availableParallelism()).describe('Of one run of a model.'),
})

const config = z.object({
  host: z.string().default('127.0.0.1'),
  port: z.int().min(0).max(65_535).default(8080).describe('0: any free one; the log has it.'),
  python: z.string().default('python3'),
  repositoryControl: z
    .boolean()
    .default(false)
    .describe('Whether clients may load and unload models by the Open Inference Protocol.'),
  models: z.array(model).max(bounds.models),
  limits: limits.prefault({}),
})

export type Config = z.infer<typeof config>
export type ModelConfig = z.infer<typeof model>
export type ServeLimits = z.infer<typeof limits>

/** Where the configuration comes from; read again on SIGHUP. */
export type ConfigSource = () => Config

export const usage = `usage: main.ts --config FILE
       main.ts --model PATH [--name NAME] [--version VERSION] [--format FORMAT] [--host HOST] [--port PORT]`

/** What the arguments ask for. Throws an error whose message is for the one who wrote them. */
export function readArguments(args: readonly string[]): ConfigSource {
  const string = { type: 'string' } as const
  const { values } = parseArgs({
    args: [...args],
    options: {
      config: string,
      model: string,
      name: string,
      version: string,
      format: string,
      host: string,
      port: string,
    },
  })
  const { host, port, config: file, model: path } = values
  const given = { ...(host !== undefined && { host }), ...(port !== undefined && { port: Number(port) }) }
  if (file !== undefined) {
    return () => parseConfig({ ...(JSON.parse(readFileSync(file, 'utf8')) as object), ...given }, file)
  }
  if (path === undefined) throw new Error(usage)
  const format = values.format ?? formatOf(path)
  const one = { path, format, name: values.name ?? nameOf(path), ...(values.version && { version: values.version }) }
  return () => parseConfig({ ...given, models: [one] }, 'the options')
}

/** Checks a configuration; `from` is where it was read, for the message. */
export function parseConfig(value: unknown, from: string): Config {
  const parsed = config.safeParse(value)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new Error(`${from}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not valid'}`)
  }
  const seen = new Set<string>()
  for (const { name, version, labels } of parsed.data.models) {
    for (const key of [`${name}/versions/${version}`, ...labels.map((label) => `${name}/labels/${label}`)]) {
      if (seen.has(key)) throw new Error(`${from}: ${key} is there twice`)
      seen.add(key)
    }
  }
  return parsed.data
}

const formatOf = (path: string): ModelFormat => (/\.(pt|pth)$/.test(path) ? 'torchscript' : 'onnx')

const nameOf = (path: string): string =>
  basename(path)
    .replace(/\.\w+$/, '')
    .replaceAll(/[^\w.-]/g, '-') || 'model'
