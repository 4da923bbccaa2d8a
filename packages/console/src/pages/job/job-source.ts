import type { JobState, JobSummary } from '@nabla/api/job'
import { jobStates } from '@nabla/api/job-states'
import { client } from '../../api/client.ts'
import type { ListSource } from '../../api/list.ts'
import type { Search } from '../../parts/url-state.ts'

/** What of the jobs is asked for. */
export interface JobFilter {
  states: JobState[]
  project?: string
  tag?: string
  name?: string
}

const isState = (word: string): word is JobState => Object.hasOwn(jobStates, word)
const wordOf = (value: Search[string]): string | undefined => [value].flat()[0]

/** What the address asks for; what is no state is left out. */
export function readFilter(search: Search, fixed: string | undefined): JobFilter {
  const project = fixed ?? wordOf(search['project'])
  const [tag, name] = [wordOf(search['tag']), wordOf(search['name'])]
  const states = [search['state']].flat().filter((state) => state !== undefined && isState(state))
  return {
    states: [...new Set(states)],
    ...(project !== undefined && { project }),
    ...(tag !== undefined && { tag }),
    ...(name !== undefined && { name }),
  }
}

/** The jobs that fit, newest first. */
export function jobSource(filter: JobFilter): ListSource<JobSummary> {
  const { states, ...others } = filter
  return {
    noun: 'job',
    input: { ...filter },
    fetch: (page, options) =>
      client.job.list({ ...page, ...others, ...(states.length > 0 && { state: states }) }, options),
  }
}
