import type { Notebook } from '@nabla/api/notebook'
import { CliError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { withRetries } from '../job/resume.ts'
import { quoteWord } from '../quote.ts'
import { activityOf } from './words.ts'

/** Seconds that one question waits: short, so that what it is doing is shown. */
const lookSeconds = 1

/**
 * Waits until a notebook that was started runs, and shows meanwhile what it does. Throws CliError with the reason when
 * it came to nothing.
 */
export async function waitUntilRuns(context: Context, { id }: Pick<Notebook, 'id'>): Promise<Notebook> {
  const { out } = context
  const client = await context.client()
  try {
    for (;;) {
      const now = await withRetries(context, () => client.notebook.wait({ notebook: id, seconds: lookSeconds }))
      if (now.state === 'running') return now
      if (now.state === 'stopped' || now.state === 'error') throw failed(now)
      out.status(activityOf(now))
    }
  } finally {
    out.clearStatus()
  }
}

const failed = ({ name, state, reason }: Notebook): CliError =>
  new CliError(
    `The notebook ${name} is ${state}: ${reason ?? 'it was stopped before it ran'}`,
    `Look into its log: nabla notebook logs ${quoteWord(name)}`,
    'failure',
  )
