import { contract } from '@nabla/api'
import { isStreamed, type RouteShape } from '@nabla/api/route'

/** `packages/api/src/calls.json`: of each route what a client needs to know, without the schemas. */
export function callsTable(): string {
  const nouns = Object.entries(contract).map(([noun, routes]) => {
    const verbs = Object.entries(routes as Record<string, RouteShape>).map(([verb, shape]) => show(verb, callOf(shape)))
    return `  ${JSON.stringify(noun)}: {\n${verbs.join(',\n')}\n  }`
  })
  return `{\n${nouns.join(',\n')}\n}\n`
}

const callOf = ({ method, path, body, response }: RouteShape) => ({
  method,
  path,
  ...(body === 'bytes' && { sendsBytes: true }),
  ...(isStreamed(response) && { stream: response.stream }),
})

/** On one line if that is short enough for the formatter. */
function show(verb: string, call: object): string {
  const fields = Object.entries(call).map(([name, field]) => `${JSON.stringify(name)}: ${JSON.stringify(field)}`)
  const line = `    ${JSON.stringify(verb)}: { ${fields.join(', ')} }`
  // A comma follows.
  if (line.length < 120) return line
  return `    ${JSON.stringify(verb)}: {\n      ${fields.join(',\n      ')}\n    }`
}
