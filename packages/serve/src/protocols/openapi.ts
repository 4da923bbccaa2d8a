import type { Version } from '../model/version.ts'
import { type DataType, specText, type TensorSpec } from '../tensor/types.ts'

type Schema = Record<string, unknown>

/** An OpenAPI 3.1 document of what the models of a server take and give, in the plain form. */
export function openApi(versions: readonly Version[]): Schema {
  const loaded = versions.filter((version) => version.known)
  const names = new Set(versions.map(({ name }) => name))
  const paths: Schema = {}
  for (const version of loaded) {
    paths[`/models/${version.name}/versions/${version.version}/predict`] = operation(version)
    paths[`/models/${version.name}/predict`] = operation(version)
    if (names.size === 1) paths['/predict'] = operation(version)
  }
  return {
    openapi: '3.1.0',
    info: {
      title: [...names].join(', ') || 'Model server',
      version: loaded.at(-1)?.version ?? '0',
      description:
        'Predictions. The same models answer the REST API of TensorFlow Serving below `/v1/models` and the Open Inference ' +
        'Protocol below `/v2`.',
    },
    // Beside this document, wherever a gateway has put it.
    servers: [{ url: './' }],
    paths,
    components: { schemas: { Error: errorSchema } },
  }
}

/** A request that the version takes, for documents: zeros, or empty text. */
export function exampleOf({ loaded }: Version): Record<string, unknown> {
  return Object.fromEntries(loaded.inputs.map((spec) => [spec.name, exampleValue(spec, loaded.batches)]))
}

const errorSchema = { type: 'object', properties: { error: { type: 'string' } }, required: ['error'] }

function operation(version: Version): Schema {
  const { inputs, outputs, batches } = version.loaded
  const text = batches ? 'Values for many examples, or for one without the first dimension.' : 'Values of each input.'
  const failure = { description: 'What was expected.', content: content({ $ref: '#/components/schemas/Error' }) }
  return {
    post: {
      summary: `Predict with ${version.name}, version ${version.version}`,
      description: text,
      requestBody: { required: true, content: content(object(inputs, batches), exampleOf(version)) },
      responses: {
        200: { description: 'A value for each output.', content: content(object(outputs, batches)) },
        400: failure,
        503: failure,
      },
    },
  }
}

const content = (schema: Schema, example?: unknown): Schema => ({
  'application/json': { schema, ...(example !== undefined && { example }) },
})

function object(specs: readonly TensorSpec[], batches: boolean): Schema {
  const properties = specs.map((spec) => {
    const many = listOf(spec, spec.shape)
    const schema = batches && spec.shape ? { anyOf: [many, listOf(spec, spec.shape.slice(1))] } : many
    return [spec.name, { description: specText(spec), ...schema }] as const
  })
  return { type: 'object', properties: Object.fromEntries(properties), required: specs.map(({ name }) => name) }
}

function listOf(spec: TensorSpec, shape: readonly (number | null)[] | null): Schema {
  if (shape === null) return {}
  return shape.reduceRight<Schema>(
    (items, length) => ({ type: 'array', items, ...(length !== null && { minItems: length, maxItems: length }) }),
    valueSchema(spec.type),
  )
}

function valueSchema(type: DataType): Schema {
  if (type === 'bool') return { type: 'boolean' }
  if (type === 'string') {
    const bytes = { type: 'object', properties: { b64: { type: 'string', format: 'byte' } }, required: ['b64'] }
    return { anyOf: [{ type: 'string' }, bytes] }
  }
  if (type.startsWith('float')) return { anyOf: [{ type: 'number' }, { enum: ['NaN', 'Infinity', '-Infinity'] }] }
  if (type.endsWith('64')) return { anyOf: [{ type: 'integer' }, { type: 'string', pattern: '^-?[0-9]+$' }] }
  return { type: 'integer' }
}

/** One example, short enough to be read: of long dimensions the value is left to the reader. */
function exampleValue({ type, shape }: TensorSpec, batches: boolean): unknown {
  const value = type === 'string' ? '' : type === 'bool' ? false : 0
  const lengths = (batches ? shape?.slice(1) : shape) ?? []
  const count = lengths.reduce<number>((product, length) => product * (length ?? 1), 1)
  if (count > mostExampleValues) return []
  return lengths.reduceRight<unknown>((item, length) => Array.from({ length: length ?? 1 }, () => item), value)
}

const mostExampleValues = 4096
