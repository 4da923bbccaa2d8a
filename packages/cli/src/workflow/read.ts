import type { Client } from '@nabla/api/client'
import type { Workflow, WorkflowRun } from '@nabla/api/workflow'
import { type WorkflowInputs, workflowSpec, type WorkflowSpec } from '@nabla/api/workflow-spec'
import { CliError, isApiError, usageError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { findProject } from '../project-file.ts'
import { readYamlFile } from '../yaml-file.ts'

/** Reads a workflow from a YAML file. Throws a usage error that names file, line and column of what is wrong. */
export async function readWorkflowFile(context: Context, file: string): Promise<WorkflowSpec> {
  const hint = 'The guide of workflows says what such a file has.'
  const spec = (await readYamlFile(context.cwd, file, workflowSpec, { hint })) as WorkflowSpec
  if (spec.on !== undefined) {
    context.out.warn('`on` is not heeded: runs are begun by people and programs, not by pushes.')
  }
  return spec
}

/** Reads `--input NAME=VALUE`. Throws a usage error. */
export function readInputs(texts: readonly string[]): WorkflowInputs {
  return Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf('=')
      if (at < 1) throw usageError(`--input: ${JSON.stringify(text)} has no value.`, 'Write it as NAME=VALUE.')
      return [text.slice(0, at), text.slice(at + 1)]
    }),
  )
}

/** The workflow meant; with a file to run, one that is not there yet is made. */
export async function findOrMake(
  context: Context,
  client: Client,
  name: string,
  wanted: { make: boolean; project: string | undefined },
): Promise<Workflow> {
  try {
    const found = await findIn(client, name, wanted.project)
    if (found) return found
  } catch (error) {
    if (!wanted.make || !isApiError(error) || error.code !== 'not_found') throw error
  }
  if (!wanted.make) {
    throw new CliError(
      `There is no workflow ${name} in the project ${wanted.project}.`,
      'Say with -f what it is to run, and it is made.',
    )
  }
  const project = await findProject(context, wanted.project)
  const made = await client.workflow.create({ body: { name, project: project.name } })
  context.out.note(`Made the workflow ${made.name} in the project ${made.project.name}`)
  return made
}

/** By name or id; with a project, only the one of that name in it. */
async function findIn(client: Client, name: string, project: string | undefined): Promise<Workflow | undefined> {
  if (project === undefined) return client.workflow.show({ workflow: name })
  const { items } = await client.workflow.list({ name, project, limit: 200 })
  return items.find((one) => one.name === name)
}

/** A run by its number; the newest if none is named. Throws when there is none. */
export async function findRun(client: Client, name: string, number: string | undefined): Promise<WorkflowRun> {
  const workflow = await client.workflow.show({ workflow: name })
  const wanted = number === undefined ? workflow.runs : Number(number)
  if (number !== undefined && !Number.isInteger(wanted)) {
    throw usageError(`${number} is no number of a run.`, `See them with: nabla workflow show ${name}`)
  }
  if (workflow.runs === 0) {
    throw new CliError(`The workflow ${workflow.name} has not run yet.`, 'Run it with: nabla workflow run -f FILE')
  }
  return client.workflow.showRun({ workflow: workflow.id, number: wanted })
}
