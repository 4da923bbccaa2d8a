import { createDeployment, type Deployment, deploymentFile } from '@nabla/api/deployment'
import { looksLikeDeployment, readDeploymentLine } from './deployment-line-read.ts'

export type DeploymentDocument = Record<string, unknown>

/** The document that makes the same deployment again; what is as it would be by itself is left out. */
export function documentOf({ name, project, tags, note, spec }: Deployment): DeploymentDocument {
  return withoutDefaults({ ...spec, name, project: project.name, tags, note })
}

const order = ['name', 'project', 'model', 'command', 'image', 'port', 'instances', 'machineType', 'env', 'auth']

/** Leaves out what the contract fills in by itself, and puts first what matters most. */
export function withoutDefaults(given: DeploymentDocument): DeploymentDocument {
  const usual: DeploymentDocument = createDeployment.parse({ project: 'x', model: 'x' })
  const said = Object.entries(given).flatMap(([name, value]): [string, unknown][] => {
    if (value === undefined) return []
    if (name === 'project' || name === 'model') return value === null ? [] : [[name, value]]
    const short = shortened(value, usual[name])
    return short === undefined ? [] : [[name, short]]
  })
  const rank = (name: string) => (order.includes(name) ? order.indexOf(name) : order.length)
  return Object.fromEntries(said.sort(([one], [other]) => rank(one) - rank(other)))
}

/** What of a value is not as usual; undefined if all of it is. A table with a `kind` is kept whole. */
function shortened(value: unknown, usual: unknown): unknown {
  if (JSON.stringify(value) === JSON.stringify(usual)) return undefined
  if (!isTable(value) || !isTable(usual) || 'kind' in value || 'from' in value) return value
  const said = Object.entries(value).flatMap(([name, one]): [string, unknown][] => {
    const short = shortened(one, usual[name])
    return short === undefined ? [] : [[name, short]]
  })
  return said.length === 0 ? undefined : Object.fromEntries(said)
}

const isTable = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Most of a text that is read: far more than a deployment is. */
const mostCharacters = 1_000_000

/** Reads YAML, JSON or a line of `nabla deploy` that was pasted. Throws an error whose message says what is wrong, in a sentence. */
export async function readDocument(text: string): Promise<DeploymentDocument> {
  if (text.length > mostCharacters) throw new Error('It is too long for a deployment.')
  if (looksLikeDeployment(text)) return readDeploymentLine(text)
  const { parse } = await import('yaml')
  let value: unknown
  try {
    value = parse(text, { maxAliasCount: 20, logLevel: 'error' })
  } catch (error) {
    const [first] = (error instanceof Error ? error.message : String(error)).split('\n')
    throw new Error(`It is no YAML: ${first}`, { cause: error })
  }
  if (!isTable(value)) throw new Error('It is neither YAML nor JSON of a deployment.')
  const { tags: _tags, note: _note, ...spec } = value
  const parsed = deploymentFile.safeParse(spec)
  const issue = parsed.success ? undefined : parsed.error.issues[0]
  if (issue) throw new Error(`${issue.path.map(String).join('.') || 'It'}: ${issue.message}.`)
  return value
}
