import { z } from 'zod'
import { configSchema, settingVariables } from '../../packages/server/src/config.ts'
import { variablesOfCli } from '../../packages/cli/src/settings.ts'
import { code, page, table } from './markdown.ts'

interface Field {
  type?: string | string[]
  enum?: string[]
  items?: Field
  description?: string
  default?: unknown
  properties?: Record<string, Field>
  required?: string[]
}

/** Every setting: from `packages/server/src/config.ts` and `packages/cli/src/settings.ts`. */
export function settingsPage(): string {
  const schema = z.toJSONSchema(configSchema, { io: 'input' }) as Field
  const rows = (fields: Record<string, Field> = {}, outer = ''): string[][] =>
    Object.entries(fields).flatMap(([name, field]) => [
      [
        code(outer + name),
        typeOf(field),
        name === 'data' ? code('~/.nabla/data') : defaultOf(field),
        variableOf(outer + name),
        field.description ?? '',
      ],
      ...rows(field.properties, `${name}.`),
    ])
  const machine = schema.properties?.['machineTypes']?.items
  const machineFields = Object.entries(machine?.properties ?? {}).map(([name, field]) => [
    code(name),
    typeOf(field),
    machine?.required?.includes(name) ? 'must be given' : defaultOf(field),
    field.description ?? '',
  ])
  const cli = Object.entries(variablesOfCli).map(([name, about]) => [code(name), about])
  return page(
    'Settings',
    '## The server',
    'An option of `nabla up` goes before the settings file, the file before the environment, and that before the default. Options are named as the settings, with dashes: `--log-level` is `logLevel`. Settings without an option stand in the file that `nabla up --config nabla.yaml` names:',
    '```yaml\ndata: /srv/nabla\nport: 7070\nmachineTypes:\n  - { name: small, cpus: 1, memoryBytes: 4000000000 }\n```',
    table(['Setting', 'Type', 'Default', 'Environment', 'Meaning'], rows(schema.properties)),
    '### Machine types',
    'Each entry of `machineTypes` has these fields.',
    table(['Field', 'Type', 'Default', 'Meaning'], machineFields),
    '## The command line',
    'The CLI reads these variables. `nabla login` keeps addresses and keys in its settings file, readable by you alone.',
    table(['Variable', 'Meaning'], cli),
  )
}

function typeOf(field: Field): string {
  if (field.enum) return field.enum.map(code).join(', ')
  if (field.type === 'array') return `list of ${field.items?.properties ? 'machine types' : typeOf(field.items ?? {})}`
  return (
    { object: 'group of settings', string: 'text', integer: 'whole number', number: 'number' }[String(field.type)] ??
    String(field.type)
  )
}

const defaultOf = (field: Field): string => (field.default === undefined ? '–' : code(JSON.stringify(field.default)))

function variableOf(setting: string): string {
  const found = Object.entries(settingVariables).find(([, name]) => name === setting)
  return found ? code(found[0]) : '–'
}
