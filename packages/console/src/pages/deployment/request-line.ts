import { quote } from '../../parts/quote.ts'

/** One request, as the form has it. */
export interface Request {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'HEAD'
  path: string
  headers: Record<string, string>
  /** Empty: none. */
  body: string
}

/** The line of a shell that sends it to an address. The key stands in the environment, and not in the line. */
export function curlOf(address: string, { method, path, headers, body }: Request, withKey: boolean): string {
  const usual = body === '' ? 'GET' : 'POST'
  return [
    'curl',
    ...(method === 'HEAD' ? ['-I'] : method === usual ? [] : [`-X ${method}`]),
    quote(address.replace(/\/$/, '') + path),
    ...(withKey ? ['-H "Authorization: Bearer $NABLA_API_KEY"'] : []),
    ...Object.entries(headers).map(([name, value]) => `-H ${quote(`${name}: ${value}`)}`),
    ...(body === '' ? [] : [`--data-binary ${quote(shortBody(body))}`]),
  ].join(' ')
}

/** The same by the CLI, without `nabla`. */
export function predictLine(name: string, { method, path, headers, body }: Request): string {
  const usual = body === '' ? 'GET' : 'POST'
  const others = Object.entries(headers).filter(([header]) => header.toLowerCase() !== 'content-type')
  return [
    `deployment predict ${quote(name)}`,
    ...(path === '/' ? [] : [`--path ${quote(path)}`]),
    ...(method === usual ? [] : [`--method ${method}`]),
    ...others.map(([header, value]) => `--header ${quote(`${header}: ${value}`)}`),
    ...(body === '' ? [] : [`--data ${quote(shortBody(body))}`]),
  ].join(' ')
}

/** Headers that were typed, one a line; undefined with the line that is none. */
export function readHeaders(text: string): { headers: Record<string, string> } | { fault: string } {
  const headers: Record<string, string> = {}
  for (const line of text.split('\n').map((one) => one.trim())) {
    if (line === '') continue
    const [, name, value] = /^([!#$%&'*+.^_`|~\w-]+):\s*(.*)$/.exec(line) ?? []
    if (name === undefined || value === undefined) return { fault: `${line} is no header: write Name: value.` }
    headers[name] = value
  }
  return { headers }
}

/** What a program says that it takes: an operation of its OpenAPI document, with an example. */
export interface Operation {
  method: Request['method']
  path: string
  summary: string
  /** As JSON text; empty: it takes no body. */
  body: string
}

const methods = ['post', 'get', 'put', 'patch', 'delete'] as const
/** Operations that are offered. */
const mostOperations = 100

/** The operations of an OpenAPI document; none if it is no such document. Those with an example come first. */
export function operationsOf(text: string): Operation[] {
  const document = parsed(text)
  const paths = tableOf(document?.['paths'])
  const found = Object.entries(paths ?? {}).flatMap(([path, item]) =>
    methods.flatMap((method): Operation[] => {
      const operation = tableOf(tableOf(item)?.[method])
      if (!operation || !path.startsWith('/') || path.includes('{')) return []
      const content = tableOf(tableOf(operation['requestBody'])?.['content'])
      const example = tableOf(content?.['application/json'])?.['example']
      const body = example === undefined ? '' : JSON.stringify(example, null, 2)
      const summary = typeof operation['summary'] === 'string' ? operation['summary'] : ''
      return [{ method: method.toUpperCase() as Request['method'], path, summary, body }]
    }),
  )
  const rank = ({ body, path }: Operation) => (body === '' ? 1000 : 0) + path.length
  return found.sort((one, other) => rank(one) - rank(other)).slice(0, mostOperations)
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    return tableOf(JSON.parse(text))
  } catch {
    return undefined
  }
}

const tableOf = (value: unknown): Record<string, unknown> | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined

/** JSON on one line; anything else as it is. */
function shortBody(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text))
  } catch {
    return text
  }
}

/** JSON with line breaks; anything else as it is. */
export function prettyBody(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text
  }
}
