import { badInput } from '../errors.ts'
import { isObject, parseJson } from '../http/json-body.ts'
import { type Answer, type Context, json, type Route } from '../http/route.ts'
import { checkInputs, inputsText, type Version } from '../model/version.ts'
import { fromJson, isBase64, shapeOf } from '../tensor/from-json.ts'
import { toJson } from '../tensor/to-json.ts'
import type { Tensor, TensorSpec } from '../tensor/types.ts'
import { openApi } from './openapi.ts'
import { page, pageHeaders } from './page.ts'

/**
 * The plain form: a body is an object with a value for each input, an answer one with a value for each output. Where the
 * first dimension is free, one example without that dimension may be sent, and is answered so.
 */

const model = '/models/(?<name>[^/]+)(?:/versions/(?<version>[^/]+))?'

function route(method: Route['method'], path: string, handle: Route['handle']): Route {
  return { method, pattern: new RegExp(`^${path}$`), protocol: 'plain', handle }
}

export const plainRoutes: readonly Route[] = [
  route('POST', '/predict', predict),
  route('POST', `${model}/predict`, predict),
  route('GET', '/openapi.json', ({ repository }) => json(openApi(repository.versions))),
  route('GET', '/', ({ repository, headers }) => ({
    status: 200,
    headers: pageHeaders,
    body: page(repository.versions, headers.host ?? 'localhost'),
  })),
]

async function predict(context: Context): Promise<Answer> {
  const { repository, params } = context
  const version = repository.find(params['name'] ?? repository.only, { version: params['version'] })
  const { inputs, single } = read(version, parseJson(context.body), context.body.length)
  const outputs = await context.run(version, checkInputs(version.loaded, inputs, version.maxRows))
  return { status: 200, body: write(outputs, single) }
}

function read(version: Version, value: unknown, most: number): { inputs: Tensor[]; single: boolean } {
  const { loaded } = version
  const values = byName(loaded.inputs, value)
  const single = loaded.batches && loaded.inputs.every((spec) => isOneExample(spec, values[spec.name]))
  const inputs = loaded.inputs
    .filter(({ name }) => Object.hasOwn(values, name))
    .map((spec) => fromJson(spec, single ? [values[spec.name]] : values[spec.name], most))
  const unknown = Object.keys(values).find((name) => loaded.inputs.every((spec) => spec.name !== name))
  if (unknown === undefined) return { inputs, single }
  throw badInput(`there is no input ${unknown.slice(0, 100)}: expected ${inputsText(loaded)}`)
}

/** An object with a value for each input; of the only input, the value itself will do. */
function byName(specs: readonly TensorSpec[], value: unknown): Record<string, unknown> {
  const [only, ...others] = specs
  if (isObject(value) && !isBase64(value)) return value
  if (only && others.length === 0) return { [only.name]: value }
  throw badInput(`the body must be an object with ${inputsText({ inputs: [...specs], outputs: [] })}`)
}

const isOneExample = ({ shape }: TensorSpec, value: unknown): boolean =>
  shape !== null && shapeOf(value).length === shape.length - 1

function write(outputs: readonly Tensor[], single: boolean): string {
  const parts = outputs.map((output) => {
    const shape = single ? output.shape.slice(1) : output.shape
    return `${JSON.stringify(output.name)}:${toJson(output, { special: 'quoted' }, shape)}`
  })
  return `{${parts.join(',')}}`
}
