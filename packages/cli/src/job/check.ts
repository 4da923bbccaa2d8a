import { createJob } from '@nabla/api/job'
import type { z } from 'zod'
import { usageError } from '../cli-error.ts'
import { kebab } from '../flags.ts'

const flagOfField: Record<string, string> = {
  datasets: 'dataset',
  models: 'model',
  ports: 'port',
  tags: 'tag',
  timeLimitSeconds: 'timeLimit',
  shmBytes: 'shmSize',
}

/**
 * Refuses what the server would refuse of a job by its form, naming the option that it came from. Apart from
 * `submit.ts`: the schema of a job takes longer to load than it takes to submit one.
 */
export function check(spec: z.input<typeof createJob>): void {
  const parsed = createJob.safeParse(spec)
  const issue = parsed.error?.issues[0]
  if (!issue) return
  const [field = '', ...rest] = issue.path.map(String)
  if (field === 'command') throw usageError(`The command cannot be used: ${issue.message}.`, 'Give a shorter one.')
  if (field === 'env') {
    throw usageError(`The variable ${rest[0] ?? ''} cannot be used: ${issue.message}.`, 'Write it as NAME=value.')
  }
  // What a job leaves is said by several options: --model-name, --model-path, --model-type.
  const name = field === 'model' ? `model-${rest[0] ?? 'name'}` : kebab(flagOfField[field] ?? field)
  throw usageError(`--${name} cannot be used: ${issue.message}.`, 'See `nabla run --help` for what it takes.')
}
