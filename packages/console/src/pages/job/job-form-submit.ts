import type { Job } from '@nabla/api/job'
import { contract } from '@nabla/api'
import type { Workspace, WorkspaceSource } from '@nabla/api/workspace'
import type { ApiError } from '@nabla/api/client'
import { useEffect, useRef, useState } from 'react'
import { client } from '../../api/client.ts'
import { now } from '../../clock.ts'
import { queries } from '../../api/query.ts'
import { sendBytes } from '../../api/send-bytes.ts'
import { toApiError } from '../../parts/action.ts'
import { persist } from '../../sync/persist.ts'
import { sendFolder, type SendProgress } from '../../sync/send-folder.ts'
import type { JobBody, JobFields } from './job-form-body.ts'
import type { JobFiles } from './job-form-files.ts'

/** What is under way between the button and the job. */
export type Submitting =
  | { is: 'sending'; progress: SendProgress; bytesPerSecond: number | undefined }
  | { is: 'waiting'; what: string }

export interface SubmitJob {
  now: Submitting | undefined
  error: ApiError | undefined
  /** Sends the files, then submits. Resolves with the job, or undefined if that failed or was given up. */
  submit: (given: {
    fields: JobFields
    files: JobFiles
    clone?: { job: string; changed: JobFields }
  }) => Promise<Job | undefined>
  cancel: () => void
}

/** Files that were sent once are not sent again when the job itself is refused. */
export interface Sent {
  what: unknown
  id: string
}

/** Submits what the form says; leaving the page gives it up. */
export function useSubmitJob(): SubmitJob {
  const [state, setState] = useState<Submitting>()
  const [error, setError] = useState<ApiError>()
  const control = useRef<AbortController>(undefined)
  const sent = useRef<Sent>(undefined)
  useEffect(() => () => control.current?.abort(), [])
  return {
    now: state,
    error,
    cancel: () => control.current?.abort(),
    async submit({ fields, files, clone }) {
      if (control.current && !control.current.signal.aborted && state) return undefined
      const stop = new AbortController()
      control.current = stop
      setError(undefined)
      setState({ is: 'waiting', what: 'Submitting…' })
      try {
        if (clone && files.from === 'same') return await client.job.clone({ job: clone.job, body: clone.changed })
        const workspace = await sendFiles(files, { signal: stop.signal, show: setState, sent })
        setState({ is: 'waiting', what: 'Submitting…' })
        return await client.job.create({ body: { ...(fields as JobBody), workspace } }, { signal: stop.signal })
      } catch (thrown) {
        if (!stop.signal.aborted) setError(toApiError(thrown))
        return undefined
      } finally {
        if (control.current === stop) setState(undefined)
        for (const noun of ['job', 'project']) void queries.invalidateQueries({ queryKey: [noun] })
      }
    },
  }
}

export interface Sending {
  signal: AbortSignal
  show: (state: Submitting) => void
  sent: { current: Sent | undefined }
}

/** Brings the files to the server, where they are not yet, and says where the job finds them. */
export async function sendFiles(files: JobFiles, { signal, show, sent }: Sending): Promise<WorkspaceSource> {
  const { origin, scan, archive } = files
  const once = async (what: unknown, send: () => Promise<string>): Promise<WorkspaceSource> => {
    const before = sent.current
    const done = before && before.what === what ? before : { what, id: await send() }
    sent.current = done
    return { from: 'upload', id: done.id }
  }
  switch (origin.from) {
    case 'nothing':
      return { from: 'nothing' }
    case 'git':
      return withoutEmpty(origin)
    case 'stored':
      return { from: 'upload', id: origin.id }
    case 'folder':
      return once(scan, async () => {
        const rate = rateMeter()
        const tree = await sendFolder(scan!, {
          signal,
          onProgress: (progress) => show({ is: 'sending', progress, bytesPerSecond: rate(progress.readBytes) }),
        })
        show({ is: 'waiting', what: 'Making the workspace…' })
        const body = { digest: tree.digest }
        const workspace = await persist(() => client.workspace.fromTree({ body }, { signal }), {
          signal,
          onAway: () => undefined,
        })
        return workspace.id
      })
    case 'archive':
      return once(archive, async () => {
        const workspace = await persist(() => sendArchive(archive!, { signal, show }), {
          signal,
          onAway: (away) => away && show({ is: 'waiting', what: 'The server does not answer. It is tried again…' }),
        })
        return workspace.id
      })
    default:
      return origin satisfies never
  }
}

/** An archive goes in one piece: when the connection drops it begins anew. */
function sendArchive(archive: File, { signal, show }: Omit<Sending, 'sent'>): Promise<Workspace> {
  const rate = rateMeter()
  const totalBytes = archive.size
  return sendBytes<Workspace>(contract.workspace.upload, {}, archive, {
    signal,
    onProgress(sentBytes) {
      const readBytes = Math.min(sentBytes, totalBytes)
      if (readBytes === totalBytes) show({ is: 'waiting', what: 'The server unpacks the archive…' })
      else {
        const progress = { readBytes, totalBytes, sentBytes: readBytes, away: false }
        show({ is: 'sending', progress, bytesPerSecond: rate(readBytes) })
      }
    },
  })
}

function withoutEmpty<Given extends object>(given: Given): Given {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined && value !== '')) as Given
}

/** A rate is that of the last seconds. */
const windowMs = 5000

/** Told how many bytes there are so far, it says how many come in a second; undefined at first. */
function rateMeter(): (bytes: number) => number | undefined {
  const seen: { at: number; bytes: number }[] = []
  return (bytes) => {
    const at = now()
    seen.push({ at, bytes })
    while (seen.length > 2 && at - seen[0]!.at > windowMs) seen.shift()
    const elapsed = at - seen[0]!.at
    return elapsed < 500 ? undefined : Math.max(0, ((bytes - seen[0]!.bytes) * 1000) / elapsed)
  }
}
