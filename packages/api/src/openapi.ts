import { z } from 'zod'
import { type ErrorCode, errorBody, errorCatalogue } from './errors.ts'
import { isStreamed, type RouteShape } from './route.ts'

/** A JSON Schema (2020-12), as OpenAPI 3.1 takes it. */
export interface JsonSchema {
  $ref?: string
  type?: string | string[]
  description?: string
  format?: string
  pattern?: string
  default?: unknown
  const?: unknown
  enum?: unknown[]
  properties?: Record<string, JsonSchema>
  required?: string[]
  additionalProperties?: JsonSchema | boolean
  items?: JsonSchema
  anyOf?: JsonSchema[]
  oneOf?: JsonSchema[]
  allOf?: JsonSchema[]
  minimum?: number
  maximum?: number
  minLength?: number
  maxLength?: number
  maxItems?: number
}

export interface OpenApiParameter {
  name: string
  in: 'path' | 'query' | 'header'
  required: boolean
  description?: string
  schema: JsonSchema
}

export interface OpenApiContent {
  description: string
  content?: Record<string, { schema?: JsonSchema }>
  headers?: Record<string, { description: string; schema: JsonSchema }>
}

export interface OpenApiOperation {
  operationId: string
  tags: string[]
  summary: string
  description?: string
  security: Record<string, string[]>[]
  parameters: OpenApiParameter[]
  requestBody?: { required: boolean; content: Record<string, { schema: JsonSchema }> }
  responses: Record<string, OpenApiContent>
}

export interface OpenApiDocument {
  openapi: '3.1.0'
  info: { title: string; version: string; description: string; license: { name: string; identifier: string } }
  servers: { url: string }[]
  tags: { name: string }[]
  paths: Record<string, Record<string, OpenApiOperation>>
  components: { schemas: Record<string, JsonSchema>; securitySchemes: Record<string, Record<string, string>> }
}

/** Codes that a route can answer with, all told: those of any route, those of its kind, and its own. */
export function errorCodesOf(shape: RouteShape): ErrorCode[] {
  const asked: ErrorCode[] =
    shape.access === 'anyone'
      ? []
      : ['unauthenticated', 'key_expired', 'session_ended', 'not_own_page', 'too_many_failures']
  if (shape.access === 'admin') asked.push('forbidden')
  if (shape.method !== 'GET') asked.push('wrong_origin')
  if (shape.body !== undefined) asked.push('body_too_large')
  if (shape.access !== 'anyone') asked.push('invalid')
  return [...new Set<ErrorCode>([...asked, ...(shape.errors ?? []), 'wrong_host', 'busy', 'internal'])]
}

/**
 * The contract as OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.0). Schemas with an id become components; where
 * what is sent and what comes back differ, the one that is sent has `Input` at its end. Same contract, same text.
 */
export function buildOpenApi(
  contract: Readonly<Record<string, Readonly<Record<string, RouteShape>>>>,
  version: string,
): OpenApiDocument {
  const components = new Components()
  const paths: OpenApiDocument['paths'] = {}
  for (const [noun, routes] of Object.entries(contract)) {
    for (const [verb, shape] of Object.entries(routes)) {
      const path = shape.path.replaceAll(/:(\w+)/g, '{$1}')
      paths[path] ??= {}
      paths[path][shape.method.toLowerCase()] = operation(noun, verb, shape, components)
    }
  }
  return components.settle({
    openapi: '3.1.0',
    info: {
      title: 'Nabla',
      version,
      description: 'Train and serve models on your own machine: jobs, storage, artifacts, from one command.',
      license: { name: 'Apache License 2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    tags: Object.keys(contract).map((name) => ({ name })),
    paths,
    components: {
      schemas: {},
      securitySchemes: {
        key: { type: 'http', scheme: 'bearer', description: 'An API key, made with `nabla key create`.' },
        keyHeader: { type: 'apiKey', in: 'header', name: 'x-api-key', description: 'The same key, for older clients.' },
      },
    },
  })
}

function operation(noun: string, verb: string, shape: RouteShape, components: Components): OpenApiOperation {
  const made: OpenApiOperation = {
    operationId: `${noun}.${verb}`,
    tags: [noun],
    summary: shape.about,
    security: shape.access === 'anyone' ? [] : [{ key: [] }, { keyHeader: [] }],
    parameters: parameters(shape, components),
    responses: { '200': success(shape, components), ...failures(shape, components) },
  }
  if (shape.access === 'admin') made.description = 'Only for admins of the team.'
  if (shape.body === 'bytes') {
    made.requestBody = { required: true, content: { 'application/octet-stream': { schema: { format: 'binary' } } } }
  } else if (shape.body) {
    const required = !shape.body.safeParse({}).success
    made.requestBody = {
      required,
      content: { 'application/json': { schema: components.convert(shape.body, 'input') } },
    }
  }
  return made
}

function parameters(shape: RouteShape, components: Components): OpenApiParameter[] {
  const found: OpenApiParameter[] = []
  for (const [place, schema] of [
    ['path', shape.params],
    ['query', shape.query],
  ] as const) {
    if (!schema) continue
    const { properties = {}, required = [] } = components.convert(schema, 'input')
    for (const [name, { description, ...rest }] of Object.entries(properties)) {
      const parameter = { name, in: place, required: place === 'path' || required.includes(name), schema: rest }
      found.push(description === undefined ? parameter : { ...parameter, description })
    }
  }
  if (isStreamed(shape.response) && shape.response.stream === 'events') {
    const description = 'The `id` of the last event that was received: the stream goes on after it.'
    found.push({ name: 'Last-Event-ID', in: 'header', required: false, description, schema: { type: 'string' } })
  }
  return found
}

function success(shape: RouteShape, components: Components): OpenApiContent {
  const { response } = shape
  if (!isStreamed(response)) {
    return { description: 'Done.', content: { 'application/json': { schema: components.convert(response, 'output') } } }
  }
  if (response.stream === 'events') {
    const schema = components.convert(response.event, 'output')
    const description =
      'Server-sent events. The `data` of each is JSON of this schema and its `id` resumes after it. The event `end` ' +
      'says that no more will come, the event `error` carries an Error.'
    return { description, content: { 'text/event-stream': { schema } } }
  }
  if (response.stream === 'socket') return { description: `Switches to a WebSocket. ${response.about}` }
  if (response.stream === 'text') return { description: response.about, content: { 'text/plain': {} } }
  return { description: response.about, content: { 'application/octet-stream': { schema: { format: 'binary' } } } }
}

/** One response for each status, which names the codes that it can carry. */
function failures(shape: RouteShape, components: Components): Record<string, OpenApiContent> {
  const byStatus = Object.groupBy(errorCodesOf(shape), (code) => String(errorCatalogue[code].status))
  const error = components.convert(errorBody, 'output')
  const entries = Object.entries(byStatus).map(([status, codes = []]): [string, OpenApiContent] => {
    const description = codes.map((code) => `\`${code}\`: ${errorCatalogue[code].message}`).join('\n\n')
    const code: JsonSchema = { properties: { error: { properties: { code: { enum: codes } } } } }
    return [status, { description, content: { 'application/json': { schema: { allOf: [error, code] } } } }]
  })
  return Object.fromEntries(entries)
}

/** Gathers the schemas that have an id, as they are sent (`input`) and as they come back (`output`). */
class Components {
  readonly #found = { input: new Map<string, JsonSchema>(), output: new Map<string, JsonSchema>() }

  /** Converts a schema; what has an id in it is put aside and referred to. */
  convert(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
    const made = z.toJSONSchema(schema, {
      io,
      override: ({ zodSchema, jsonSchema }) => tidy(zodSchema, jsonSchema as JsonSchema, io),
    })
    const { $schema: _, $defs, ...rest } = refer(made as Made, io)
    for (const [name, { id: __, ...inner }] of Object.entries($defs ?? {})) this.#found[io].set(name, inner)
    return rest
  }

  /** Settles under which name each schema goes, and puts that into the document wherever it is referred to. */
  settle(document: OpenApiDocument): OpenApiDocument {
    const { input, output } = this.#found
    const differing = new Set([...input.keys()].filter((name) => this.#differs(name)))
    const mentions = (name: string) =>
      [...differing].some((other) => JSON.stringify(input.get(name)).includes(`/${other}:input"`))
    for (let before = -1; before !== differing.size;) {
      before = differing.size
      for (const name of input.keys()) if (output.has(name) && mentions(name)) differing.add(name)
    }
    const schemas: Record<string, JsonSchema> = {}
    for (const name of [...new Set([...input.keys(), ...output.keys()])].sort()) {
      schemas[name] = (output.get(name) ?? input.get(name)) as JsonSchema
      if (differing.has(name)) schemas[`${name}Input`] = input.get(name) as JsonSchema
    }
    const whole = JSON.stringify({ ...document, components: { ...document.components, schemas } })
    const named = whole.replaceAll(/(#\/components\/schemas\/)(\w+):input/g, (_, start: string, name: string) => {
      return start + (differing.has(name) ? `${name}Input` : name)
    })
    return JSON.parse(named) as OpenApiDocument
  }

  /** That unknown fields are refused on the way in alone is no reason for a second name. */
  #differs(name: string): boolean {
    const other = this.#found.output.get(name)
    const text = JSON.stringify(this.#found.input.get(name))
    const comparable = text.replaceAll(':input"', '"').replaceAll(',"additionalProperties":false', '')
    return other !== undefined && comparable !== JSON.stringify(other)
  }
}

interface Made extends JsonSchema {
  $schema?: string
  id?: string
  $defs?: Record<string, JsonSchema & { id?: string }>
}

/** Points the references at the components; those of what is sent are told apart until their names are settled. */
function refer(schema: Made, io: 'input' | 'output'): Made {
  const end = io === 'input' ? ':input' : ''
  return JSON.parse(JSON.stringify(schema).replaceAll('"#/$defs/', '"#/components/schemas/'), (key, value: unknown) =>
    key === '$ref' ? `${value as string}${end}` : value,
  ) as Made
}

/** Takes out what says nothing, and lets responses grow fields without breaking clients that were made from this. */
function tidy(zodSchema: z.core.$ZodType, schema: JsonSchema, io: 'input' | 'output'): void {
  if (io === 'output' && schema.additionalProperties === false) delete schema.additionalProperties
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum
  // `z.stringbool` reads text, as a query has nothing else; what it means is a boolean.
  if (isSwitch(zodSchema)) {
    delete schema.anyOf
    schema.type = 'boolean'
  }
  if (zodSchema instanceof z.ZodDefault && isSwitch(zodSchema.def.innerType)) {
    schema.default = zodSchema.def.defaultValue
  }
}

function isSwitch(schema: z.core.$ZodType): boolean {
  if (schema instanceof z.ZodUnion) return schema.options.every(isSwitch)
  return schema instanceof z.ZodBoolean || (schema instanceof z.ZodPipe && schema.out instanceof z.ZodBoolean)
}
