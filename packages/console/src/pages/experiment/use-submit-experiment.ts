import type { cloneExperiment, createExperiment, Experiment } from '@nabla/api/experiment'
import type { ApiError } from '@nabla/api/client'
import { useEffect, useRef, useState } from 'react'
import type { z } from 'zod'
import { client } from '../../api/client.ts'
import { queries } from '../../api/query.ts'
import { toApiError } from '../../parts/action.ts'
import type { JobFiles } from '../job/job-form-files.ts'
import { sendFiles, type Sent, type Submitting } from '../job/job-form-submit.ts'

type Body = z.input<typeof createExperiment>

export interface SubmitExperiment {
  now: Submitting | undefined
  error: ApiError | undefined
  /** Sends the files, then makes it. Resolves with it, or undefined if that failed or was given up. */
  submit: (given: { body: Body; files: JobFiles; clone?: string }) => Promise<Experiment | undefined>
  cancel: () => void
}

/** Makes what the builder says; leaving the page gives it up. */
export function useSubmitExperiment(): SubmitExperiment {
  const [state, setState] = useState<Submitting>()
  const [error, setError] = useState<ApiError>()
  const control = useRef<AbortController>(undefined)
  const sent = useRef<Sent>(undefined)
  useEffect(() => () => control.current?.abort(), [])
  return {
    now: state,
    error,
    cancel: () => control.current?.abort(),
    async submit({ body, files, clone }) {
      if (state) return undefined
      const stop = new AbortController()
      control.current = stop
      setError(undefined)
      setState({ is: 'waiting', what: 'Submitting…' })
      try {
        if (clone !== undefined && files.from === 'same') {
          return await client.experiment.clone({ experiment: clone, body: asClone(body) })
        }
        const workspace = await sendFiles(files, { signal: stop.signal, show: setState, sent })
        setState({ is: 'waiting', what: 'Submitting…' })
        return await client.experiment.create({ body: { ...body, workspace } }, { signal: stop.signal })
      } catch (thrown) {
        if (!stop.signal.aborted) setError(toApiError(thrown))
        return undefined
      } finally {
        if (control.current === stop) setState(undefined)
        for (const noun of ['experiment', 'project']) void queries.invalidateQueries({ queryKey: [noun] })
      }
    },
  }
}

function asClone({ kind: _kind, ...fields }: Body): z.input<typeof cloneExperiment> {
  return fields
}
