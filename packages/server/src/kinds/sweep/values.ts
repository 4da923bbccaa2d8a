import type { ParameterValue } from '@nabla/api/search-space'
import type { Values } from '../../search/dimension.ts'

/** Where a trial finds its values as a JSON object. */
export const valuesFile = '/generated/params.json'

/**
 * A command with the values of a trial in it: `{{name}}` is one of them, `{{args}}` is `--name=value` for all that are
 * active. Each is quoted, so that no value is ever read as shell.
 */
export function commandWith(command: string, values: Values): string {
  const args = Object.entries(values).map(([name, value]) => quoted(`--${name}=${textOf(value)}`))
  return command.replaceAll(/\{\{\s*([A-Za-z_][A-Za-z0-9_.-]*)\s*\}\}/g, (whole, name: string) => {
    if (name === 'args') return args.join(' ')
    return Object.hasOwn(values, name) ? quoted(textOf(values[name] ?? null)) : whole
  })
}

/** Names in `{{…}}` that are no parameter. */
export function unknownNames(command: string, parameters: readonly string[]): string[] {
  const found = [...command.matchAll(/\{\{\s*([A-Za-z_][A-Za-z0-9_.-]*)\s*\}\}/g)].map(([, name]) => name ?? '')
  return found.filter((name) => name !== 'args' && !parameters.includes(name))
}

/** What the program of a trial finds in its environment. */
export function environmentFor(
  { id, name }: { id: string; name: string },
  number: number,
  values: Values,
  from: number | undefined,
): Record<string, string> {
  const own = Object.entries(values).map(([parameter, value]) => [variableFor(parameter), textOf(value)])
  return {
    NABLA_EXPERIMENT_ID: id,
    NABLA_EXPERIMENT_NAME: name,
    NABLA_TRIAL: String(number),
    // Where a trial leaves its checkpoint for those that carry on from it.
    NABLA_TRIAL_DIR: `/storage/sweeps/${id}/${number}`,
    ...(from === undefined ? {} : { NABLA_TRIAL_FROM: `/storage/sweeps/${id}/${from}` }),
    NABLA_PARAMS: JSON.stringify(values),
    NABLA_PARAMS_FILE: valuesFile,
    PAPERSPACE_EXPERIMENT_ID: id,
    ...Object.fromEntries(own),
  }
}

/** `learning-rate` is in `NABLA_PARAM_LEARNING_RATE`. */
const variableFor = (parameter: string): string =>
  `NABLA_PARAM_${parameter.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}`

const textOf = (value: ParameterValue): string => (value === null ? '' : String(value))

const quoted = (text: string): string => (/^[\w./=:+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`)
