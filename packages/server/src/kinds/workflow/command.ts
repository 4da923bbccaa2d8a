import { fetchTarget } from '@nabla/api/workflow-check'
import type { WorkflowJobSpec } from '@nabla/api/workflow-spec'

/** Where a job finds what it reads, and where it leaves what others read. */
export const inputsDir = '/inputs'
export const outputsDir = '/outputs'

/**
 * The shell line that does what a job says. The folders of its outputs are there before it begins, and it begins in
 * `/`, as it did in Gradient, whose examples read `inputs/NAME`.
 */
export function commandOf(job: WorkflowJobSpec): string {
  const folders = Object.entries(job.outputs ?? {}).flatMap(([name, { type }]) =>
    type === 'string' ? [] : quoted(`${outputsDir}/${name}`),
  )
  return [...(folders.length > 0 ? [`mkdir -p ${folders.join(' ')}`] : []), 'cd /', lineOf(job)].join('\n')
}

function lineOf(job: WorkflowJobSpec): string {
  switch (job.uses) {
    case 'container@v1': {
      const { command, args } = job.with
      return [command, args].flatMap((words) => (words === undefined ? [] : lineFrom(words))).join(' ')
    }
    case 'script@v1':
      // The action promises bash; a small image that has none gets its own shell.
      return `"$(command -v bash || command -v sh)" -c ${quoted(job.with.script)}`
    case 'git-checkout@v1': {
      const { output, folder } = fetchTarget(job)!
      const target = quoted([outputsDir, output, folder].filter(Boolean).join('/'))
      return `mkdir -p ${target} && cp -a ${checkoutDir}/. ${target}/`
    }
    case 's3-download@v1':
    case 'create-model@v1':
      return 'true'
    default:
      return job satisfies never
  }
}

/** Where the files of a repository are before they become an output. */
const checkoutDir = '/paperspace'

/** Words are passed on as they are; a text is a line for the shell. */
const lineFrom = (words: string | readonly (string | number | boolean)[]): string =>
  typeof words === 'string' ? words : words.map((word) => quoted(String(word))).join(' ')

const quoted = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`
