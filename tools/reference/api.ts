import { contract, version } from '@nabla/api'
import { buildOpenApi, type JsonSchema, type OpenApiOperation } from '@nabla/api/openapi'
import { isStreamed, type RouteShape } from '@nabla/api/route'
import { code, page, table } from './markdown.ts'

/** Every route and shape of the API: from the contract, by way of the OpenAPI document that the server serves. */
export function apiPage(): string {
  const document = buildOpenApi(contract, version)
  const nouns = Object.entries(contract).flatMap(([noun, routes]) => [
    `## ${noun}`,
    ...Object.entries(routes as Record<string, RouteShape>).flatMap(([verb, shape]) => {
      const path = shape.path.replaceAll(/:(\w+)/g, '{$1}')
      return routeParts(`${noun} ${verb}`, shape, document.paths[path]?.[shape.method.toLowerCase()])
    }),
  ])
  const shapes = Object.entries(document.components.schemas).flatMap(([name, schema]) => [
    `### ${name}`,
    ...(schema.description === undefined ? [] : [schema.description]),
    fieldsOf(schema),
  ])
  return page(
    'API',
    'Requests and answers are JSON. A key goes in the header `authorization: Bearer <key>`. A running server has this page at `/docs` and the OpenAPI document at `/api/v1/openapi.json`.',
    'Lists answer with `{"items": […], "next": …}`: pass `next` as `after` for the page that follows; it is null on the last one. Errors are in [errors.md](errors.md).',
    ...nouns,
    '## Shapes',
    ...shapes,
  )
}

const whoMay = { anyone: 'anyone, without a key', member: 'members of the team', admin: 'admins of the team' }

function routeParts(name: string, shape: RouteShape, operation: OpenApiOperation | undefined): string[] {
  if (!operation) throw new Error(`${name} is not in the OpenAPI document`)
  const parameters = operation.parameters.map(({ name, in: where, required, schema, description }) => [
    code(name),
    where,
    required ? 'yes' : 'no',
    typeText(schema),
    [description ?? schema.description ?? '', defaultText(schema)].filter(Boolean).join(' '),
  ])
  const body = Object.values(operation.requestBody?.content ?? {})[0]?.schema
  return [
    `### ${name}`,
    `${code(`${shape.method} ${shape.path}`)} – ${shape.about}`,
    `For ${whoMay[shape.access]}.`,
    ...(parameters.length > 0 ? [table(['Parameter', 'In', 'Required', 'Type', 'Meaning'], parameters)] : []),
    ...(body ? [shape.body === 'bytes' ? 'Body: the bytes themselves.' : `Body:\n\n${fieldsOf(body)}`] : []),
    `Answer: ${answerOf(shape, operation)}`,
    ...(shape.errors && shape.errors.length > 0 ? [`Errors of its own: ${shape.errors.map(code).join(', ')}.`] : []),
  ]
}

function answerOf(shape: RouteShape, operation: OpenApiOperation): string {
  if (isStreamed(shape.response) && shape.response.stream !== 'events') return shape.response.about
  const schema = Object.values(operation.responses['200']?.content ?? {})[0]?.schema ?? {}
  if (isStreamed(shape.response)) return 'server-sent events.'
  const items = schema.properties?.['items']?.items
  if (items) return `a page of ${typeText(items)}.`
  return schema.$ref === undefined ? `\n\n${fieldsOf(schema)}` : `${typeText(schema)}.`
}

/** The fields of a schema, or a word for what it is. */
function fieldsOf(schema: JsonSchema): string {
  if (schema.oneOf) return schema.oneOf.map(fieldsOf).join('\n\nor\n\n')
  if (!schema.properties) return typeText(schema)
  const rows = Object.entries(schema.properties).map(([name, field]) => [
    code(name),
    schema.required?.includes(name) ? 'yes' : 'no',
    typeText(field),
    [field.description ?? '', defaultText(field)].filter(Boolean).join(' '),
  ])
  return table(['Field', 'Required', 'Type', 'Meaning'], rows)
}

const defaultText = (schema: JsonSchema): string =>
  schema.default === undefined ? '' : `Default ${code(JSON.stringify(schema.default))}.`

const typeNames: Record<string, string> = {
  string: 'text',
  integer: 'whole number',
  number: 'number',
  boolean: 'true or false',
  object: 'object',
  null: 'null',
}

function typeText(schema: JsonSchema): string {
  const name = schema.$ref?.replace('#/components/schemas/', '')
  if (name !== undefined) return `[${name}](#${name.toLowerCase()})`
  if (schema.const !== undefined) return code(JSON.stringify(schema.const))
  if (schema.enum) return schema.enum.map((value) => code(String(value))).join(', ')
  const branches = schema.anyOf ?? schema.oneOf
  if (branches) return branches.map(typeText).join(' or ')
  if (Array.isArray(schema.type)) return schema.type.map((type) => typeText({ ...schema, type })).join(' or ')
  if (schema.type === 'array') return `list of ${typeText(schema.items ?? {})}`
  if (schema.type === 'object') return objectText(schema)
  if (schema.format === 'date-time') return 'time'
  return typeNames[schema.type ?? ''] ?? 'anything'
}

function objectText({ properties, additionalProperties }: JsonSchema): string {
  if (properties) return `object with ${Object.keys(properties).map(code).join(', ')}`
  const values = typeof additionalProperties === 'object' ? additionalProperties : {}
  return Object.keys(values).length > 0 ? `map of ${typeText(values)}` : 'object'
}
