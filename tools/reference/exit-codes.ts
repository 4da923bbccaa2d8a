import { exitCodeMeanings, jobCan, jobStates } from '@nabla/api/job'
import { notebookCan, notebookStates } from '@nabla/api/notebook'
import { exitCodes } from '../../packages/cli/src/exit-codes.ts'
import { code, page, table } from './markdown.ts'

/** States of jobs and notebooks, and exit codes: from `packages/api/src/job.ts`, `packages/api/src/notebook-state.ts` and `packages/cli/src/exit-codes.ts`. */
export function exitCodesPage(): string {
  const states = Object.entries(jobStates).map(([state, { ended, exitCode, about }]) => [
    code(state),
    ended ? 'yes' : 'no',
    exitOf(exitCode),
    about,
  ])
  const allowed = Object.entries(jobCan).map(([action, states]) => [action, states.map(code).join(', ')])
  const notebooks = Object.entries(notebookStates).map(([state, { active, about }]) => [
    code(state),
    active ? 'yes' : 'no',
    about,
  ])
  const allowedOfNotebooks = Object.entries(notebookCan).map(([action, states]) => [
    action,
    states.map(code).join(', '),
  ])
  const cli = Object.values(exitCodes).map(({ code: number, about }) => [String(number), about])
  const known = Object.entries(exitCodeMeanings).map(([number, meaning]) => [number, meaning])
  return page(
    'States and exit codes',
    '## States of a job',
    'The last column but one is what `nabla run` and `nabla job wait` exit with when the job ends so.',
    table(['State', 'Ended', 'Exit code of `nabla run`', 'Meaning'], states),
    '## What is allowed when',
    'In other states the server answers with `conflict`.',
    table(['Action', 'Allowed while'], allowed),
    '## States of a notebook',
    'It never ends for good: what is not active can be started.',
    table(['State', 'Active', 'Meaning'], notebooks),
    table(['Action', 'Allowed while'], allowedOfNotebooks),
    '## Exit codes of a command',
    'A job that failed has the exit code of its command; one that a signal killed has 128 and the number of the signal. These have a meaning that the job tells as its reason:',
    table(['Exit code', 'Meaning'], known),
    '## Exit codes of the CLI',
    'A number is never given another meaning. `nabla run` and `nabla job wait` exit with the code of the job; all other commands with these:',
    table(['Exit code', 'Meaning'], cli),
  )
}

function exitOf(exitCode: number | 'own' | null): string {
  if (exitCode === null) return '–'
  return exitCode === 'own' ? 'that of the command' : String(exitCode)
}
