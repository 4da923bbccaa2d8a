import type { WorkflowFault } from './workflow-check.ts'
import type { WorkflowJobSpec, WorkflowSpec } from './workflow-spec.ts'

/**
 * What is written in files of other systems, and is not replaced: `${{ … }}`, and what Gradient knew of a push
 * (`context.event.github.url`). As a mere text it would fail far from its cause.
 */
export function expressionFaults(spec: WorkflowSpec): WorkflowFault[] {
  return [
    ...textFaults(spec.defaults?.env ?? {}, ['defaults', 'env'], any),
    ...Object.entries(spec.jobs).flatMap(([name, job]) => faultsOf(job, ['jobs', name])),
  ]
}

function faultsOf(job: WorkflowJobSpec, at: string[]): WorkflowFault[] {
  const { script, command, args, ...rest } = job.with as Record<string, unknown>
  return [
    ...textFaults(job.env ?? {}, [...at, 'env'], any),
    ...textFaults(rest, [...at, 'with'], any),
    // Programs may hold braces of their own: there, only what surely names something of a workflow.
    ...textFaults({ script, command, args }, [...at, 'with'], named),
    ...Object.entries(job.inputs ?? {}).flatMap(([input, given]) =>
      typeof given === 'string' ? [] : textFaults(given.with ?? {}, [...at, 'inputs', input, 'with'], any),
    ),
  ]
}

const any = /\$\{\{.*?\}\}/s
const named = /\$\{\{\s*(?:workflow|inputs|outputs|needs|jobs|steps|secrets?|env|github|context|vars)\b.*?\}\}/s

function textFaults(texts: object, at: string[], expression: RegExp): WorkflowFault[] {
  return Object.entries(texts).flatMap(([name, value]: [string, unknown]) =>
    [value].flat().flatMap((text, index) => {
      const message = typeof text === 'string' ? faultIn(text, expression) : null
      if (message === null) return []
      return [{ path: [...at, name, ...(Array.isArray(value) ? [index] : [])], message }]
    }),
  )
}

function faultIn(text: string, expression: RegExp): string | null {
  const found = expression.exec(text)?.[0].slice(0, 60)
  if (found !== undefined) {
    return (
      `${found} is not replaced: what a job reads is in files, such as /inputs/NAME, and a secret is in a ` +
      'variable, as `env: {NAME: secret:NAME}`'
    )
  }
  if (!/^context\.[\w.]+$/.test(text.trim())) return null
  return `${text.trim().slice(0, 60)} is known only to runs that a push begins, and no push does here: write what it stands for`
}
