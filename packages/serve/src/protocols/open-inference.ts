import { badInput, messageOf, notFound, ServeError } from '../errors.ts'
import { parseObject } from '../http/json-body.ts'
import { type Answer, type Context, json, type Route } from '../http/route.ts'
import { checkInputs, type Version } from '../model/version.ts'
import { dataTypes, type TensorSpec } from '../tensor/types.ts'
import { readInference } from './inference-request.ts'
import { writeInference } from './inference-response.ts'

/**
 * The Open Inference Protocol, also known as KServe v2, with the extensions for binary tensors, classification and the
 * model repository: https://github.com/kserve/open-inference-protocol and
 * https://github.com/triton-inference-server/server/tree/main/docs/protocol
 */

const model = '/v2/models/(?<name>[^/]+)(?:/versions/(?<version>[^/]+))?'

function route(method: Route['method'], path: string, handle: Route['handle']): Route {
  return { method, pattern: new RegExp(`^${path}/?$`), protocol: 'open-inference', handle }
}

export const openInferenceRoutes: readonly Route[] = [
  route('POST', `${model}/infer`, infer),
  route('GET', '/v2/health/live', () => json({ live: true })),
  route('GET', '/v2/health/ready', ({ repository: { ready, reasons } }) =>
    json({ ready, ...(reasons.length > 0 && { reasons }) }, ready ? 200 : 503),
  ),
  route('GET', '/v2', () =>
    json({
      name: 'nabla',
      version: '0.1.0',
      extensions: ['binary_tensor_data', 'classification', 'model_repository', 'model_configuration'],
    }),
  ),
  route('GET', `${model}/ready`, (context) => {
    const version = versionOf(context)
    if (version.state === 'ready') return json({ name: version.name, ready: true })
    throw version.unavailable()
  }),
  route('GET', `${model}/config`, config),
  route('GET', model, metadata),
  route('POST', '/v2/repository/index', index),
  route('POST', '/v2/repository/models/(?<name>[^/]+)/load', load),
  route('POST', '/v2/repository/models/(?<name>[^/]+)/unload', unload),
]

function versionOf({ repository, params: { name = '', version } }: Context): Version {
  return repository.find(name, { version })
}

const tensorMetadata = ({ name, type, shape }: TensorSpec) => ({
  name,
  datatype: dataTypes[type].inference,
  shape: (shape ?? [-1]).map((length) => length ?? -1),
})

function metadata(context: Context): Answer {
  const version = versionOf(context)
  const { inputs, outputs } = version.loaded
  return json({
    name: version.name,
    versions: context.repository.of(version.name).map((one) => one.version),
    platform: platformOf(version),
    inputs: inputs.map(tensorMetadata),
    outputs: outputs.map(tensorMetadata),
  })
}

/** Names of platforms: https://github.com/triton-inference-server/backend#where-can-i-find-all-the-backends-that-are-available-for-triton */
function platformOf({ model: { format } }: Version): string {
  const known: Partial<Record<typeof format, string>> = {
    onnx: 'onnxruntime_onnx',
    tensorflow: 'tensorflow_savedmodel',
    torchscript: 'pytorch_libtorch',
  }
  return known[format] ?? format
}

/** What of Triton's configuration of a model there is here. */
function config(context: Context): Answer {
  const version = versionOf(context)
  const { inputs, outputs, batches } = version.loaded
  const { maxBatch } = context.repository.config.limits
  const tensor = ({ name, type, shape }: TensorSpec) => ({
    name,
    data_type: `TYPE_${type === 'string' ? 'STRING' : dataTypes[type].inference}`,
    dims: (batches ? shape?.slice(1) : shape)?.map((length) => length ?? -1) ?? [-1],
  })
  return json({
    name: version.name,
    platform: platformOf(version),
    max_batch_size: batches ? maxBatch : 0,
    input: inputs.map(tensor),
    output: outputs.map(tensor),
  })
}

async function infer(context: Context): Promise<Answer> {
  const version = versionOf(context)
  const { loaded } = version
  const request = readInference(context.body, context.headers['inference-header-content-length'], loaded)
  const inputs = checkInputs(loaded, request.inputs, version.maxRows)
  const wanted = new Set(loaded.outputs.map(({ name }) => name))
  const unknown = request.outputs?.find(({ name }) => wanted.size > 0 && !wanted.has(name))
  if (unknown) throw badInput(`there is no output ${unknown.name}: expected ${[...wanted].join(', ')}`)
  const outputs = await context.run(version, inputs, request.timeoutMs)
  return writeInference(version, request, outputs)
}

async function index({ repository, body }: Context): Promise<Answer> {
  const asked = body.length > 0 ? parseObject(body) : {}
  const versions =
    asked['ready'] === true ? repository.versions.filter((one) => one.state === 'ready') : repository.versions
  const states = { ready: 'READY', loading: 'LOADING', unavailable: 'UNAVAILABLE' }
  return json(
    versions.map((one) => ({ name: one.name, version: one.version, state: states[one.state], reason: one.reason })),
  )
}

async function load({ repository, params: { name = '' } }: Context): Promise<Answer> {
  allowControl(repository.config.repositoryControl)
  await repository.load(name)
  const broken = repository.of(name).find((one) => one.state !== 'ready')
  if (broken) throw new ServeError(400, broken.unavailable().message)
  return json({})
}

function unload({ repository, params: { name = '' } }: Context): Answer {
  allowControl(repository.config.repositoryControl)
  try {
    repository.unload(name)
  } catch (error) {
    throw notFound(messageOf(error))
  }
  return json({})
}

function allowControl(allowed: boolean): void {
  if (!allowed) throw new ServeError(403, 'models cannot be loaded or unloaded here: `repositoryControl` is off')
}
