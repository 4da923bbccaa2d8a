import type { InstalledPackage } from '@nabla/api/job-packages'
import type { Handlers } from '../kind.ts'
import { findJob } from './view.ts'

/** What was installed for a job. */
export const jobPackageHandlers: Pick<Handlers<'job'>, 'packages'> = {
  async packages({ caller, params }, deps) {
    const row = await findJob(deps, caller, params.job)
    return { items: readPackages(await deps.logs.beside(row.id, row.attempt, 'packages')) }
  },
}

/** Lines of `name==version`. The task may have written to the file: what is no such line is left out. */
function readPackages(text: string): InstalledPackage[] {
  return text.split('\n').flatMap((line) => {
    const [, name, version] = /^([\w.-]{1,200})==(\S{1,200})$/.exec(line) ?? []
    return name === undefined || version === undefined ? [] : [{ name, version }]
  })
}
