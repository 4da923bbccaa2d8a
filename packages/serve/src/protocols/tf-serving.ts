import { badInput } from '../errors.ts'
import { isObject } from '../http/json-body.ts'
import { type Answer, type Context, json, type Route } from '../http/route.ts'
import { checkInputs, inputsText, type Version } from '../model/version.ts'
import { fromJson, isBase64 } from '../tensor/from-json.ts'
import { type JsonForm, rowsToJson, toJson } from '../tensor/to-json.ts'
import { dataTypes, type Tensor, type TensorSpec } from '../tensor/types.ts'
import { classifyAnswer, regressAnswer } from './tf-examples.ts'
import { parseRequest } from './tf-request.ts'

/**
 * The REST API of TensorFlow Serving: https://www.tensorflow.org/tfx/serving/api_rest. The same is below
 * `/model-serving/<anything>`, where Gradient had it, for a server with one model.
 */

const model = String.raw`(?:/v1/models/(?<name>[^/:]+)|/model-serving/[^/:]+)`
const which = '(?:/versions/(?<version>[^/:]+)|/labels/(?<label>[^/:]+))?'

function route(method: Route['method'], rest: string, handle: Route['handle']): Route {
  return { method, pattern: new RegExp(`^${model}${which}${rest}$`), protocol: 'tf-serving', handle }
}

export const tfServingRoutes: readonly Route[] = [
  route('POST', ':predict', predict),
  route('POST', ':classify', (context) => classifyAnswer(context, versionOf(context))),
  route('POST', ':regress', (context) => regressAnswer(context, versionOf(context))),
  route('GET', '', status),
  route('GET', '/metadata', metadata),
]

function versionOf({ repository, params: { name, version, label } }: Context): Version {
  return repository.find(name ?? repository.only, { version, label })
}

/** Names and states: https://github.com/tensorflow/serving/blob/master/tensorflow_serving/apis/get_model_status.proto */
function status({ repository, params: { name = repository.only, version, label } }: Context): Answer {
  const asked = version !== undefined || label !== undefined
  const versions = asked ? [repository.find(name, { version, label })] : repository.of(name).toReversed()
  const states = { ready: 'AVAILABLE', loading: 'LOADING', unavailable: 'END' }
  return json({
    model_version_status: versions.map((one) => ({
      version: one.version,
      state: states[one.state],
      status: { error_code: one.reason === '' ? 'OK' : 'UNAVAILABLE', error_message: one.reason },
    })),
  })
}

function metadata(context: Context): Answer {
  const version = versionOf(context)
  const { inputs, outputs } = version.loaded
  return json({
    model_spec: { name: version.name, signature_name: '', version: version.version },
    metadata: {
      signature_def: {
        signature_def: {
          serving_default: {
            inputs: Object.fromEntries(inputs.map((spec) => [spec.name, tensorInfo(spec)])),
            outputs: Object.fromEntries(outputs.map((spec) => [spec.name, tensorInfo(spec)])),
            method_name: 'tensorflow/serving/predict',
            defaults: {},
          },
        },
      },
    },
  })
}

const tensorInfo = ({ name, type, shape }: TensorSpec) => ({
  dtype: dataTypes[type].tensorflow,
  tensor_shape: {
    dim: (shape ?? []).map((length) => ({ size: String(length ?? -1), name: '' })),
    unknown_rank: shape === null,
  },
  name,
})

async function predict(context: Context): Promise<Answer> {
  const version = versionOf(context)
  const { loaded } = version
  const request = parseRequest(context.body)
  const byRow = Object.hasOwn(request, 'instances')
  if (byRow === Object.hasOwn(request, 'inputs')) {
    throw badInput(
      byRow
        ? "expected only one of 'inputs' or 'instances', and there are both"
        : "expected 'instances' (rows) or 'inputs' (columns)",
    )
  }
  const most = context.body.length
  const given = byRow
    ? fromInstances(loaded.inputs, request['instances'], most)
    : fromInputs(loaded.inputs, request['inputs'], most)
  const inputs = checkInputs(loaded, given, version.maxRows)
  const outputs = await context.run(version, inputs)
  return {
    status: 200,
    body: byRow ? `{"predictions":${toPredictions(outputs)}}` : `{"outputs":${toOutputs(outputs)}}`,
  }
}

/** Rows: a value for each, or an object with a value for each input. */
function fromInstances(specs: readonly TensorSpec[], instances: unknown, most: number): Tensor[] {
  if (!Array.isArray(instances) || instances.length === 0) throw badInput("'instances' must be a list with rows")
  const [first] = instances as unknown[]
  if (!isObject(first) || isBase64(first)) {
    const [spec, ...others] = specs
    if (spec && others.length === 0) return [fromJson(spec, instances, most)]
    throw badInput(`each of 'instances' must be an object with ${inputsText({ inputs: [...specs], outputs: [] })}`)
  }
  checkNames(specs, first)
  return specs.map((spec) => {
    const rows = (instances as unknown[]).map((row, at) => {
      if (isObject(row) && Object.hasOwn(row, spec.name)) return row[spec.name]
      throw badInput(`instance ${at} has no input ${spec.name}`)
    })
    return fromJson(spec, rows, most)
  })
}

/** Columns: a tensor for each input, or for the only one. */
function fromInputs(specs: readonly TensorSpec[], inputs: unknown, most: number): Tensor[] {
  const [only, ...others] = specs
  if (!isObject(inputs) || isBase64(inputs)) {
    if (only && others.length === 0) return [fromJson(only, inputs, most)]
    throw badInput(`'inputs' must be an object with ${inputsText({ inputs: [...specs], outputs: [] })}`)
  }
  checkNames(specs, inputs)
  return specs.flatMap((spec) => (Object.hasOwn(inputs, spec.name) ? [fromJson(spec, inputs[spec.name], most)] : []))
}

function checkNames(specs: readonly TensorSpec[], given: Record<string, unknown>): void {
  const unknown = Object.keys(given).find((name) => specs.every((spec) => spec.name !== name))
  if (unknown === undefined) return
  throw badInput(
    `there is no input ${unknown.slice(0, 100)}: expected ${inputsText({ inputs: [...specs], outputs: [] })}`,
  )
}

/** A value for each row; of several outputs, an object for each row. */
function toPredictions(outputs: readonly Tensor[]): string {
  const rows = outputs.map((output) => rowsToJson(output, formOf(output)))
  const [only] = rows
  if (rows.length === 1 && only) return `[${only.join(',')}]`
  const count = Math.max(0, ...rows.map(({ length }) => length))
  const names = outputs.map(({ name }) => JSON.stringify(name))
  const objects = Array.from(
    { length: count },
    (_, row) => `{${names.map((name, at) => `${name}:${rows[at]?.[row] ?? 'null'}`).join(',')}}`,
  )
  return `[${objects.join(',')}]`
}

function toOutputs(outputs: readonly Tensor[]): string {
  const [only, ...others] = outputs
  if (only && others.length === 0) return toJson(only, formOf(only))
  return `{${outputs.map((output) => `${JSON.stringify(output.name)}:${toJson(output, formOf(output))}`).join(',')}}`
}

/** Strings of outputs whose names end so are bytes: https://www.tensorflow.org/tfx/serving/api_rest#encoding_binary_values */
const formOf = ({ name }: Tensor): JsonForm => ({ special: 'bare', base64: name.endsWith('_bytes') })
