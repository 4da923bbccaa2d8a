import type { createExperiment, Experiment } from '@nabla/api/experiment'
import type { ExperimentKind } from '@nabla/api/experiment-states'
import { workspaceSource } from '@nabla/api/workspace'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import type { z } from 'zod'
import { useSchemaForm } from '../../parts/form.ts'
import { readKept, writeKept } from '../../parts/kept.ts'
import { toast } from '../../parts/toast.ts'
import { useUrlState } from '../../parts/url-state.ts'
import { useJobFiles } from '../job/job-form-files.ts'
import { type ExperimentDocument, withoutDefaults } from './experiment-document.ts'
import { experimentLine } from './experiment-line.ts'
import { type BuiltKind, type ExperimentFields, fieldsOf, fieldsOfKind } from './experiment-form-body.ts'
import { useSubmitExperiment } from './use-submit-experiment.ts'

/** Where an experiment goes when nothing says otherwise. */
const usualProject = 'default'

/** The state of the builder: its fields, its files, the same as a document, and what sends it. */
export function useExperimentForm(clone: Experiment | undefined) {
  const [project] = useUrlState('project')
  const [command] = useUrlState('command')
  const [asked] = useUrlState('kind')
  const [initial] = useState<ExperimentFields>(() =>
    clone
      ? fieldsOf(clone)
      : { project: project || readKept('project', usualProject), ...firstRoles, ...(command && { command }) },
  )
  const [kind, setKind] = useState<BuiltKind>((clone?.kind ?? asked) === 'multi-node' ? 'multi-node' : 'single')
  // Both kinds are kept in one form, so that switching loses nothing.
  const form = useSchemaForm(fieldsOfKind[kind] as (typeof fieldsOfKind)['multi-node'], initial)
  const files = useJobFiles(clone ? 'same' : 'nothing')
  const sending = useSubmitExperiment()
  const navigate = useNavigate()
  const [version, setVersion] = useState(0)
  const [tried, setTried] = useState(false)
  const own = ownFields(kind, form.values)
  const source = files.origin.from === 'git' ? { workspace: files.origin } : {}
  const document = withoutDefaults({ kind, ...own, ...source })
  return {
    kind,
    setKind: (next: ExperimentKind) => setKind(next === 'multi-node' ? next : 'single'),
    form,
    files,
    sending,
    version,
    shownProblem: tried ? files.problem : undefined,
    document,
    line: files.from === 'same' ? undefined : experimentLine(document, files.origin),
    fill(given: ExperimentDocument) {
      const { kind: wanted, workspace, start: _start, cliCommand: _command, ...fields } = given
      const next = wanted === 'multi-node' ? 'multi-node' : 'single'
      setKind(next)
      const { project: now = usualProject } = form.values
      form.reset({ ...firstRoles, project: now, ...(fields as ExperimentFields) })
      const parsed = workspaceSource.safeParse(workspace)
      if (parsed.success && parsed.data.from === 'git') {
        const { ref, username, password, ...git } = parsed.data
        const origin = { ...git, ...(ref && { ref }), ...(username && { username }), ...(password && { password }) }
        // oxlint-disable-next-line unicorn/no-array-fill-with-reference-type -- it is no array
        files.fill(origin, [])
      }
      setVersion((before) => before + 1)
    },
    async submit(start: boolean) {
      form.showAll()
      setTried(true)
      if (!form.output || files.problem !== undefined) {
        requestAnimationFrame(showFirstProblem)
        return
      }
      const body = { kind, ...own, start } as z.input<typeof createExperiment>
      const made = await sending.submit({ body, files, ...(clone && { clone: clone.id }) })
      if (!made) return
      writeKept('project', made.project.name)
      toast(start ? `Started ${made.name}` : `Saved ${made.name}`)
      void navigate({ to: `/experiments/${made.id}` as never })
    },
  }
}

const firstRoles: ExperimentFields = { scheme: 'pytorch', roles: [{ name: 'worker', count: 2 }] }

/** What of the form is of this kind, and is said. */
function ownFields(kind: BuiltKind, values: ExperimentFields): Record<string, unknown> {
  const names = Object.keys(fieldsOfKind[kind].shape)
  return Object.fromEntries(
    Object.entries(values).filter(([name, value]) => names.includes(name) && value !== undefined),
  )
}

/** Brings the first field with something wrong into sight. */
function showFirstProblem(): void {
  const field = document.querySelector<HTMLElement>(
    '#experiment-form [aria-invalid=true], #experiment-form .error-text',
  )
  field?.focus()
  field?.scrollIntoView({ block: 'center' })
}
