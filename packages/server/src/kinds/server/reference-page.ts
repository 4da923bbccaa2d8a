import { type ErrorCode, errorCatalogue } from '@nabla/api/errors'
import { errorCodesOf, type JsonSchema, type OpenApiDocument, type OpenApiOperation } from '@nabla/api/openapi'
import { isStreamed, type RouteShape } from '@nabla/api/route'
import { parameterTable, schemaFields, typeText } from './field-table.ts'
import { escapeHtml, mark, type Page, prose, renderPage } from './page.ts'
import { referenceStyle } from './reference-style.ts'

type Routes = Readonly<Record<string, Readonly<Record<string, RouteShape>>>>

/** Errors that are told once, at the top, as nearly every route has them. */
const common: ErrorCode[] = [
  'invalid',
  'unauthenticated',
  'key_expired',
  'too_many_failures',
  'forbidden',
  'wrong_host',
  'wrong_origin',
  'body_too_large',
  'busy',
  'internal',
]

/** The reference of the API, made from the contract and from the OpenAPI document that it gave. */
export function referencePage(contract: Routes, document: OpenApiDocument): Page {
  const nouns = Object.entries(contract)
  const sections = nouns.map(([noun, routes]) => {
    const entries = Object.entries(routes).map(([verb, shape]) => routeEntry(noun, verb, shape, document))
    return `<section id="${noun}"><h2>${title(noun)}</h2>${entries.join('')}</section>`
  })
  const shapes = Object.entries(document.components.schemas).map(([name, schema]) => shapeEntry(name, schema))
  const body = `
<div class="frame">
<aside>
  <a class="brand" href="/">${mark}<strong>Nabla</strong><span class="quiet">API ${escapeHtml(document.info.version)}</span></a>
  <details class="menu"><summary>Contents</summary>${contents(nouns)}</details>
  <nav class="rail" aria-label="Contents">${contents(nouns)}</nav>
</aside>
<main>
  ${introduction()}
  ${sections.join('\n')}
  <section id="shapes"><h2>Shapes</h2>${shapes.join('')}</section>
</main>
</div>`
  return renderPage('Nabla API', body, referenceStyle)
}

function contents(nouns: [string, Readonly<Record<string, RouteShape>>][]): string {
  const items = nouns.map(([noun, routes]) => {
    const links = Object.keys(routes).map((verb) => `<li><a href="#${noun}.${verb}">${words(verb)}</a></li>`)
    return `<li><a href="#${noun}">${title(noun)}</a><ul>${links.join('')}</ul></li>`
  })
  return `<ul><li><a href="#top">Basics</a></li>${items.join('')}<li><a href="#shapes">Shapes</a></li></ul>`
}

function introduction(): string {
  const example = [
    'export NABLA_URL=http://127.0.0.1:7070 NABLA_API_KEY=…',
    'curl -H "Authorization: Bearer $NABLA_API_KEY" "$NABLA_URL/api/v1/me"',
  ]
  return `
<section id="top">
  <h1>API reference</h1>
  <p>All of Nabla is here: the command line and every client use these routes. Requests and responses are JSON, times
  are ISO 8601 in UTC, sizes are bytes. The same as <a href="/openapi.json">OpenAPI 3.1</a>.</p>
  <h3>Sign in</h3>
  <p>Send an API key as <code>Authorization: Bearer …</code> or <code>X-API-Key: …</code>; never in the address. Make
  one with <code>nabla key create</code>. A key acts in one team and sees only what that team owns.</p>
  ${code(example.join('\n'))}
  <h3>Lists</h3>
  <p>A list comes in pages: pass the <code>next</code> of one as <code>after</code> for the page that follows. It is
  <code>null</code> on the last.</p>
  <h3>Streams</h3>
  <p>Server-sent events. The <code>data</code> of each is JSON, and its <code>id</code>, sent as
  <code>Last-Event-ID</code>, resumes after it. An event <code>end</code> says that no more will come; an event
  <code>error</code> carries an error as below. A stream that ends without either broke off: resume it.</p>
  <h3>Errors</h3>
  <p>Every error is <code>{"error": {"code", "message", "hint", "requestId"}}</code>. Codes are stable; the hint says
  what to do. Any route can answer with these:</p>
  ${errorList(common)}
</section>`
}

function routeEntry(noun: string, verb: string, shape: RouteShape, document: OpenApiDocument): string {
  const operation = document.paths[shape.path.replaceAll(/:(\w+)/g, '{$1}')]?.[shape.method.toLowerCase()]
  if (!operation) throw new Error(`the document has no ${noun}.${verb}`)
  const body = operation.requestBody?.content['application/json']?.schema
  const own = errorCodesOf(shape).filter((code) => !common.includes(code))
  return `
<article id="${noun}.${verb}">
  <h3><a href="#${noun}.${verb}">${escapeHtml(`${words(noun)} ${words(verb)}`)}</a>${badge(shape)}</h3>
  <p class="route"><b>${shape.method}</b> <code>${pathHtml(shape.path)}</code></p>
  <p>${prose(shape.about)}</p>
  ${code(curl(shape, operation))}
  ${parameterTable('Parameters', operation.parameters)}
  ${body ? schemaFields('Body', body) : ''}
  ${shape.body === 'bytes' ? '<h4>Body</h4><p>The bytes themselves, streamed.</p>' : ''}
  ${response(shape, operation)}
  ${own.length > 0 ? `<h4>Errors</h4>${errorList(own)}` : ''}
</article>`
}

function badge(shape: RouteShape): string {
  if (shape.access === 'admin') return '<small>admins only</small>'
  return shape.access === 'anyone' ? '<small>no key needed</small>' : ''
}

function response(shape: RouteShape, operation: OpenApiOperation): string {
  const { content = {} } = operation.responses['200'] ?? {}
  const schema = content['application/json']?.schema ?? content['text/event-stream']?.schema
  if (!isStreamed(shape.response)) return schema ? schemaFields('Response', schema) : ''
  if (shape.response.stream === 'events') {
    return `<h4>Response</h4><p>Server-sent events, each ${schema ? typeText(schema) : 'JSON'}.</p>`
  }
  return `<h4>Response</h4><p>${prose(shape.response.about)}</p>`
}

function shapeEntry(name: string, schema: JsonSchema): string {
  return `<article id="shape-${name}"><h3><a href="#shape-${name}">${name}</a></h3>${schemaFields('Fields', schema)}</article>`
}

function errorList(codes: readonly ErrorCode[]): string {
  const rows = codes.map((name) => {
    const { status, message, hint } = errorCatalogue[name]
    const text = /^\{\w+\}$/.test(message) ? 'The message says what is wrong.' : filled(message)
    return `<dt><code>${name}</code><span>${status}</span></dt><dd>${text} <span class="quiet">${filled(hint)}</span></dd>`
  })
  return `<dl>${rows.join('')}</dl>`
}

/** A command line that works once the words in capitals are filled in. */
function curl(shape: RouteShape, operation: OpenApiOperation): string {
  const parts = ['curl']
  if (isStreamed(shape.response) && shape.response.stream === 'events') parts.push('-N')
  if (shape.method !== 'GET') parts.push('-X', shape.method)
  if (shape.access !== 'anyone') parts.push('-H "Authorization: Bearer $NABLA_API_KEY"')
  const tail: string[] = []
  const body = operation.requestBody?.content['application/json']?.schema
  if (body) tail.push(`-H 'Content-Type: application/json' -d '${JSON.stringify(sample(body))}'`)
  if (shape.body === 'bytes') tail.push("-H 'Content-Type: application/octet-stream' -T FILE")
  if (isStreamed(shape.response) && shape.response.stream === 'bytes') tail.push('-o FILE')
  const query = operation.parameters.filter((one) => one.in === 'query' && one.required)
  const search = query.map(({ name }) => `${name}=${name.toUpperCase()}`).join('&')
  const path = shape.path.replaceAll(/:(\w+)/g, (_, name: string) => name.toUpperCase())
  const first = [...parts, `"$NABLA_URL${path}${search === '' ? '' : `?${search}`}"`].join(' ')
  return [first, ...tail].join(' \\\n  ')
}

/** The fields that have to be given, with their names in capitals for values. */
function sample(schema: JsonSchema): Record<string, unknown> {
  const fields = (schema.required ?? []).map((name) => {
    const type = schema.properties?.[name]?.type
    return [name, type === 'number' || type === 'integer' ? 1 : name.toUpperCase()]
  })
  return Object.fromEntries(fields) as Record<string, unknown>
}

/** What is filled in when it happens is set apart. */
const filled = (template: string): string => prose(template).replaceAll(/\{(\w+)\}/g, '<var>$1</var>')

const code = (text: string): string => `<pre tabindex="0"><code>${escapeHtml(text)}</code></pre>`

const pathHtml = (path: string): string =>
  escapeHtml(path)
    .replaceAll('/', '/<wbr>')
    .replaceAll(/:(\w+)/g, '<var>:$1</var>')

const words = (name: string): string =>
  name
    .replaceAll(/([A-Z])/g, ' $1')
    .replaceAll('-', ' ')
    .toLowerCase()

const title = (noun: string): string => words(noun).replace(/^\w/, (letter) => letter.toUpperCase())
