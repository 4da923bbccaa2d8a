import { createExperiment, type Experiment } from '@nabla/api/experiment'
import { searchSettings } from '@nabla/api/search'

/** An experiment as it is asked for: what the API takes, and what a file of `nabla experiment run -f` holds. */
export type ExperimentDocument = Record<string, unknown>

/** The document that makes the same experiment again; what is as it would be by itself is left out. */
export function documentOf({ name, project, tags, note, spec }: Experiment): ExperimentDocument {
  return withoutDefaults({ ...spec, name, project: project.name, tags, note })
}

const order = ['kind', 'project', 'name', 'tags', 'scheme', 'command', 'roles', 'machineType', 'image', 'workspace']

/** Leaves out what the contract fills in by itself, and puts first what matters most. */
export function withoutDefaults(given: ExperimentDocument): ExperimentDocument {
  const role = { name: 'worker', command: 'x' }
  const least =
    given['kind'] === 'multi-node'
      ? { kind: 'multi-node', project: 'x', scheme: 'none', roles: [role] }
      : given['kind'] === 'sweep'
        ? { kind: 'sweep', project: 'x', search: leastSearch }
        : { kind: given['kind'], project: 'x', command: 'x' }
  const parsed = createExperiment.safeParse(least)
  const usual: Record<string, unknown> = parsed.success ? parsed.data : {}
  const isSaid = (name: string, value: unknown) =>
    Object.hasOwn(least, name) || JSON.stringify(value) !== JSON.stringify(usual[name])
  const said = Object.entries(given).filter(([name, value]) => value !== undefined && isSaid(name, value))
  const roles = given['roles']
  const named = said.map(([name, value]): [string, unknown] => [
    name,
    name === 'roles' && Array.isArray(roles)
      ? roles.map(shortRole)
      : name === 'search'
        ? shortSearch(value as ExperimentDocument)
        : value,
  ])
  const rank = (name: string) => (order.includes(name) ? order.indexOf(name) : order.length)
  return Object.fromEntries(named.sort(([one], [other]) => rank(one) - rank(other)))
}

const leastSearch = { space: { x: { type: 'int', low: 0, high: 1 } }, objectives: [{ metric: 'x' }] }

/** A search without what is as it would be by itself. */
function shortSearch(search: ExperimentDocument): ExperimentDocument {
  const usual: ExperimentDocument = searchSettings.parse(leastSearch)
  const isSaid = (name: string, value: unknown) =>
    value !== undefined && (Object.hasOwn(leastSearch, name) || JSON.stringify(value) !== JSON.stringify(usual[name]))
  return Object.fromEntries(Object.entries(search).filter(([name, value]) => isSaid(name, value)))
}

function shortRole(role: Record<string, unknown>): Record<string, unknown> {
  const { count, env, ...others } = role
  const said = Object.fromEntries(Object.entries(others).filter(([, value]) => value !== undefined && value !== ''))
  return {
    ...said,
    ...(count !== 1 && { count }),
    ...(Object.keys((env as object | undefined) ?? {}).length > 0 && { env }),
  }
}

/** Most of a text that is read: far more than an experiment is. */
const mostCharacters = 1_000_000

/** Reads YAML or JSON that was pasted. Throws an error whose message says what is wrong, in a sentence. */
export async function readDocument(text: string): Promise<ExperimentDocument> {
  if (text.length > mostCharacters) throw new Error('It is too long for an experiment.')
  const { parse } = await import('yaml')
  let value: unknown
  try {
    value = parse(text, { maxAliasCount: 20, logLevel: 'error' })
  } catch (error) {
    const [first] = (error instanceof Error ? error.message : String(error)).split('\n')
    throw new Error(`It is no YAML: ${first}`, { cause: error })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error('It is neither YAML nor JSON of an experiment.')
  const given = { kind: 'single', project: 'default', ...value }
  const parsed = createExperiment.safeParse(given)
  const issue = parsed.success ? undefined : parsed.error.issues[0]
  if (issue) throw new Error(`${issue.path.map(String).join('.') || 'It'}: ${issue.message}.`)
  return given
}
