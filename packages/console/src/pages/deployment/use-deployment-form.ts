import { createDeployment, type Deployment, type updateDeployment } from '@nabla/api/deployment'
import { useNavigate } from '@tanstack/react-router'
import { useRef, useState } from 'react'
import type { z } from 'zod'
import { client } from '../../api/client.ts'
import { useAction } from '../../parts/action.ts'
import { useSchemaForm } from '../../parts/form.ts'
import { readKept, writeKept } from '../../parts/kept.ts'
import { useUrlState } from '../../parts/url-state.ts'
import { useJobFiles } from '../job/job-form-files.ts'
import { sendFiles, type Sent, type Submitting } from '../job/job-form-submit.ts'
import { type DeploymentDocument, withoutDefaults } from './deployment-document.ts'
import { changeLine, deploymentLine } from './deployment-line.ts'

/** What the form is about: a deployment but its files, which have fields of their own. */
export const deploymentFields = createDeployment.omit({ workspace: true, start: true, cliCommand: true })

export type DeploymentFields = Partial<z.input<typeof deploymentFields>>

/** What is served: a model by the built-in server, or a program. */
export type ServedBy = 'model' | 'command'

/** How a change takes over. */
export interface Rollout {
  /** Percent; empty: all requests. */
  canary: string
  shadow: boolean
}

/** The state of the form: its fields, its files, the same as a document and as a line, and what sends it. */
export function useDeploymentForm(known: Deployment | undefined) {
  const [project] = useUrlState('project')
  const [model] = useUrlState('model')
  const [begin] = useState(() => (known ? fieldsOf(known) : beginOf(project, model)))
  const form = useSchemaForm(deploymentFields, begin)
  const [by, setBy] = useState<ServedBy>(known?.spec.command == null ? 'model' : 'command')
  const [rollout, setRollout] = useState<Rollout>({ canary: '', shadow: false })
  const [version, setVersion] = useState(0)
  const [tried, setTried] = useState(false)
  const files = useJobFiles(known ? 'same' : 'nothing')
  const served = servedFields(by, form.values)
  const own: DeploymentFields = { ...form.values, ...served }
  const changes = known ? changesOf(begin, own) : {}
  const sending = useSend({ known, files, rollout })
  const problem = by === 'command' ? files.problem : undefined
  return {
    form,
    by,
    setBy,
    rollout,
    setRollout,
    version,
    files,
    sending,
    shownProblem: tried ? problem : undefined,
    servedProblem: tried ? whatIsMissing(by, own) : undefined,
    changes,
    document: withoutDefaults(known ? { ...own } : own),
    line: known
      ? changeLine(known.name, changes, rolloutFlags(rollout))
      : deploymentLine(withoutDefaults(shownServed(by, own)), by === 'command' ? files.origin : { from: 'nothing' }),
    fill(given: DeploymentDocument) {
      const { workspace: _workspace, ...fields } = given
      const { project: now = 'default' } = form.values
      form.reset({ project: now, ...(fields as DeploymentFields) })
      setBy(typeof given['command'] === 'string' ? 'command' : 'model')
      setVersion((before) => before + 1)
    },
    async submit(start: boolean) {
      form.showAll()
      setTried(true)
      const isValid = deploymentFields.safeParse(own).success
      if (!isValid || whatIsMissing(by, own) !== undefined || problem !== undefined) {
        requestAnimationFrame(showFirstProblem)
        return
      }
      await sending.run({ own, changes, start, withFiles: by === 'command' && files.from !== 'same' })
    },
  }
}

function beginOf(project: string, model: string): DeploymentFields {
  return { project: project || readKept('project', 'default'), ...(model !== '' && { model }) }
}

function fieldsOf({ name, project, tags, note, spec }: Deployment): DeploymentFields {
  const { workspace: _workspace, ...fields } = spec
  return { ...(fields as DeploymentFields), name, project: project.name, tags, note }
}

/** Of a model there is no command; a program may read models besides. */
function servedFields(by: ServedBy, values: DeploymentFields): DeploymentFields {
  if (by === 'command') return { command: values.command ?? null, model: null }
  return { model: values.model ?? null, command: null, port: null }
}

function whatIsMissing(by: ServedBy, own: DeploymentFields): string | undefined {
  if (by === 'model') return own.model ? undefined : 'Choose the model that it serves.'
  return own.command ? undefined : 'Write the command that listens on $PORT.'
}

/** What is missing stands in the line as a word in capitals. */
function shownServed(by: ServedBy, own: DeploymentFields): DeploymentFields {
  return by === 'command' ? { ...own, command: own.command ?? 'COMMAND' } : { ...own, model: own.model ?? 'MODEL' }
}

/** Fields that are otherwise than before. A password that is left empty stays as it is. */
function changesOf(before: DeploymentFields, after: DeploymentFields): DeploymentDocument {
  const old = before as DeploymentDocument
  return Object.fromEntries(
    Object.entries(after).filter(
      ([name, value]) =>
        name !== 'project' && value !== undefined && JSON.stringify(value) !== JSON.stringify(old[name] ?? null),
    ),
  )
}

function rolloutFlags({ canary, shadow }: Rollout): string[] {
  return [...(canary === '' ? [] : [`--canary ${canary}`]), ...(shadow ? ['--shadow'] : [])]
}

interface Asked {
  own: DeploymentFields
  changes: DeploymentDocument
  start: boolean
  withFiles: boolean
}

/** Sends the files, then makes or changes it, and leads to it. */
function useSend(given: {
  known: Deployment | undefined
  files: ReturnType<typeof useJobFiles>
  rollout: Rollout
}): ReturnType<typeof useAction<Asked, Deployment>> & { now: Submitting | undefined; cancel: () => void } {
  const { known, files, rollout } = given
  const [now, setNow] = useState<Submitting>()
  const control = useRef<AbortController>(undefined)
  const sent = useRef<Sent>(undefined)
  const navigate = useNavigate()
  const action = useAction<Asked, Deployment>({
    async run({ own, changes, start, withFiles }) {
      const stop = new AbortController()
      control.current = stop
      try {
        const signal = stop.signal
        const workspace = withFiles ? { workspace: await sendFiles(files, { signal, show: setNow, sent }) } : {}
        if (!known) {
          const body = { ...own, ...workspace, start } as z.input<typeof createDeployment>
          return await client.deployment.create({ body }, { signal })
        }
        const taking = {
          ...(rollout.canary !== '' && { canaryPercent: Number(rollout.canary) }),
          shadow: rollout.shadow,
        }
        const body = { ...changes, ...workspace, ...taking } as z.input<typeof updateDeployment>
        return await client.deployment.update({ deployment: known.id, body }, { signal })
      } finally {
        setNow(undefined)
      }
    },
    done: ({ name }, { start }) => (known ? `Changing ${name}` : start ? `Starting ${name}` : `Saved ${name}`),
    changes: ['deployment', 'project'],
    quiet: true,
  })
  return {
    ...action,
    now,
    cancel: () => control.current?.abort(),
    async run(asked) {
      const made = await action.run(asked)
      if (!made) return undefined
      writeKept('project', made.project.name)
      void navigate({ to: `/deployments/${made.id}` as never })
      return made
    },
  }
}

/** Brings the first field with something wrong into sight. */
function showFirstProblem(): void {
  const field = document.querySelector<HTMLElement>(
    '#deployment-form [aria-invalid=true], #deployment-form .error-text',
  )
  field?.focus()
  field?.scrollIntoView({ block: 'center' })
}
