import { createExperiment } from '@nabla/api/experiment'
import { z } from 'zod'
import { readYamlFile } from '../yaml-file.ts'

/** The workspace may be said as on the command line: a folder, an archive, a git address or `none`. */
const workspace = z.union([z.string().min(1).max(4000), createExperiment.options[0].shape.workspace])
const more = {
  workspace: workspace.optional(),
  project: createExperiment.options[0].shape.project.optional(),
}

const kinds = (createExperiment.options as readonly z.ZodObject[]).map((kind) =>
  kind.omit({ start: true, cliCommand: true }).extend(more),
)

/** An experiment in a file: what the API takes, but for what the command line adds. */
const experimentFile = z.discriminatedUnion('kind', kinds as unknown as [z.ZodObject, ...z.ZodObject[]])

export type ExperimentFile = Record<string, unknown> & { kind: string }

/** Reads an experiment from a YAML file. Throws a usage error that names file, line and column of what is wrong. */
export async function readExperimentFile(cwd: string, file: string): Promise<ExperimentFile> {
  const value = await readYamlFile(cwd, file, experimentFile, {
    hint: 'See the guide of experiments, or write a file with --create-options-file.',
    wordsOf: ({ code, path }) =>
      code === 'invalid_union' && path.at(-1) === 'kind' ? 'kind is single, multi-node or sweep' : undefined,
  })
  return value as ExperimentFile
}
