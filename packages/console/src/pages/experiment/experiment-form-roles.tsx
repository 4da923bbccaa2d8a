import { ActionIcon, Autocomplete, Button, NumberInput, Select, Textarea, TextInput } from '@mantine/core'
import { experimentRole, type ExperimentScheme } from '@nabla/api/experiment'
import { experimentLimits, experimentSchemes } from '@nabla/api/experiment-states'
import type { ReactNode } from 'react'
import { useApi } from '../../api/query.ts'
import { Icon } from '../../parts/icon.tsx'
import { plural } from '../../parts/format.ts'
import { Panel } from '../../parts/page-header.tsx'
import { Prose } from '../../parts/prose.tsx'
import type { RoleFields } from './experiment-form-body.ts'
import '@mantine/core/styles/NumberInput.css'

/** How the nodes are told of each other, and what each kind of node runs. */
export function RolesPanel(props: {
  scheme: ExperimentScheme
  roles: readonly RoleFields[]
  onScheme: (scheme: ExperimentScheme) => void
  onRoles: (roles: RoleFields[]) => void
  problem: string | undefined
}): ReactNode {
  const { scheme, roles, onScheme, onRoles, problem } = props
  const known: readonly string[] | null = experimentSchemes[scheme].roles
  const free = (known ?? ['worker', 'server']).find((name) => roles.every((role) => role.name !== name))
  const nodes = roles.reduce((sum, { count = 1 }) => sum + count, 0)
  return (
    <Panel
      title={`Nodes${roles.length > 0 ? `: ${plural(nodes, 'node')}` : ''}`}
      actions={
        <Button
          size="compact-xs"
          leftSection={<Icon name="plus" size={14} />}
          disabled={roles.length >= experimentLimits.roles || (known !== null && free === undefined)}
          onClick={() => onRoles([...roles, { name: free ?? `role-${roles.length + 1}`, count: 1 }])}
        >
          Role
        </Button>
      }
    >
      <div className="stack">
        <Select
          label="Scheme"
          data={Object.entries(experimentSchemes).map(([value, { label }]) => ({ value, label }))}
          value={scheme}
          allowDeselect={false}
          onChange={(value) => value !== null && onScheme(value as ExperimentScheme)}
          className="experiment-scheme"
        />
        <p className="muted">
          <Prose text={experimentSchemes[scheme].about} />
        </p>
        {roles.map((role, place) => (
          <Role
            key={place}
            role={role}
            known={known}
            waits={(experimentSchemes[scheme].waits as readonly string[]).includes(role.name)}
            onChange={(changed) => onRoles(roles.map((one, index) => (index === place ? changed : one)))}
            onRemove={() => onRoles(roles.filter((_, index) => index !== place))}
          />
        ))}
        {problem !== undefined && roles.every((role) => experimentRole.safeParse(role).success) && (
          <p className="error-text" role="alert">
            {problem}
          </p>
        )}
      </div>
    </Panel>
  )
}

function Role(props: {
  role: RoleFields
  known: readonly string[] | null
  waits: boolean
  onChange: (role: RoleFields) => void
  onRemove: () => void
}): ReactNode {
  const { role, known, waits, onChange, onRemove } = props
  const { data } = useApi('machine-type', 'list', {})
  const problem = experimentRole.safeParse(role).error?.issues.find(({ path }) => path[0] === 'name')?.message
  const text = (key: 'image' | 'command') => ({
    value: role[key] ?? '',
    onChange({ currentTarget: { value } }: { currentTarget: { value: string } }) {
      const { [key]: _, ...others } = role
      onChange(value === '' ? others : { ...others, [key]: value })
    },
    spellCheck: false,
  })
  return (
    <div className="experiment-role" role="group" aria-label={`Role ${role.name}`}>
      <Autocomplete
        label="Role"
        value={role.name}
        data={known === null ? [] : [...known]}
        onChange={(name) => onChange({ ...role, name })}
        error={problem}
        className="mono-field"
        autoComplete="off"
      />
      <NumberInput
        label="Nodes"
        min={1}
        max={experimentLimits.nodes}
        value={role.count ?? 1}
        onChange={(count) => onChange({ ...role, count: Number(count) || 1 })}
        allowDecimal={false}
      />
      <Select
        label="Machine type"
        placeholder="that of the experiment"
        data={data?.items.map(({ name }) => name) ?? []}
        value={role.machineType ?? null}
        clearable
        onChange={(machineType) => {
          const { machineType: _, ...others } = role
          onChange(machineType === null ? others : { ...others, machineType })
        }}
      />
      <TextInput label="Image" placeholder="that of the experiment" {...text('image')} autoComplete="off" />
      <ActionIcon aria-label={`Remove ${role.name}`} onClick={onRemove} className="experiment-role-remove">
        <Icon name="close" size={14} />
      </ActionIcon>
      <Textarea
        label="Command"
        description={waits ? 'It is ended when the others have.' : undefined}
        placeholder={waits ? 'none: it waits for the others' : 'python train.py'}
        className="experiment-role-command job-command-field mono-field"
        {...text('command')}
      />
    </div>
  )
}
