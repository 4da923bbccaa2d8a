import { SegmentedControl } from '@mantine/core'
import type { ApiError } from '@nabla/api/client'
import type { FileChange } from '@nabla/api/file'
import type { Job } from '@nabla/api/job'
import { useQuery } from '@tanstack/react-query'
import { type ReactNode, useMemo } from 'react'
import { client } from '../../api/client.ts'
import { Bytes } from '../../parts/amount.tsx'
import { readableName } from '../../parts/file-kind.ts'
import { formatCount, plural } from '../../parts/format.ts'
import { Panel } from '../../parts/page-header.tsx'
import { Loaded } from '../../parts/states.tsx'
import { useUrlState } from '../../parts/url-state.ts'
import { aroundChanges, diffLines } from './compare-diff.ts'
import { parseRequirements, readFile } from './compare-files.ts'
import { Rows } from './compare-table.tsx'
import '@mantine/core/styles/FloatingIndicator.css'
import '@mantine/core/styles/SegmentedControl.css'

/** More files that differ are not drawn. */
const mostFiles = 500

/** The files that jobs began with, the first against one of the others; and the packages that they ask for. */
export function CompareCode({ jobs, onlyDifferent }: { jobs: readonly Job[]; onlyDifferent: boolean }): ReactNode {
  const [first, ...others] = jobs
  const [against, setAgainst] = useUrlState('against', others[0]?.id)
  const second = others.find(({ id }) => id === against) ?? others[0]
  if (!first || !second) return null
  return (
    <>
      <Packages jobs={jobs} onlyDifferent={onlyDifferent} />
      <Panel
        title={`Files: ${first.name} and ${second.name}`}
        actions={
          others.length > 1 && (
            <SegmentedControl
              aria-label="Compared with"
              value={second.id}
              onChange={setAgainst}
              data={others.map(({ id, name }) => ({ value: id, label: name.slice(0, 24) }))}
            />
          )
        }
        flush
      >
        <Files first={first} second={second} />
      </Panel>
    </>
  )
}

function Files({ first, second }: { first: Job; second: Job }): ReactNode {
  const [open, setOpen] = useUrlState('file')
  const isSame = first.workspace?.digest != null && first.workspace.digest === second.workspace?.digest
  const query = useQuery({
    queryKey: ['compare-files', first.id, second.id],
    queryFn: ({ signal }) =>
      client.workspace.compare({ job: second.id, fromJob: first.id, limit: mostFiles }, { signal }),
    enabled: !isSame && (first.workspace !== null || second.workspace !== null),
    retry: false,
  })
  if (isSame) return <p className="muted panel-body">They began with the very same files.</p>
  if (first.workspace === null && second.workspace === null)
    return <p className="muted panel-body">They began without files.</p>
  return (
    <Loaded query={query as typeof query & { error: ApiError | null }} lines={3}>
      {({ items, complete }) => (
        <>
          <p className="muted panel-body">
            {items.length === 0
              ? 'No file differs.'
              : complete
                ? `${plural(items.length, 'file')} differ.`
                : `The first ${formatCount(mostFiles)} files that differ; \`nabla job compare\` tells more of them.`}
          </p>
          <ul className="compare-files">
            {items.map((change) => (
              <li key={change.path}>
                <button
                  type="button"
                  aria-expanded={open === change.path}
                  onClick={() => setOpen(open === change.path ? '' : change.path)}
                >
                  <span className={`compare-sign compare-${change.change}`}>{change.change}</span>
                  <span className="ellipsis grow" dir="auto">
                    {readableName(change.path)}
                  </span>
                  <span className="muted number">
                    <Bytes bytes={change.sizeBytesBefore} /> → <Bytes bytes={change.sizeBytes} />
                  </span>
                </button>
                {open === change.path && <FileDiff {...{ first, second, change }} />}
              </li>
            ))}
          </ul>
        </>
      )}
    </Loaded>
  )
}

function FileDiff({ first, second, change }: { first: Job; second: Job; change: FileChange }): ReactNode {
  const query = useQuery<{ before: string; after: string }, ApiError>({
    queryKey: ['compare-file', first.id, second.id, change.path],
    queryFn: async ({ signal }) => {
      const [before, after] = await Promise.all([
        change.change === 'added' ? '' : readFile(first.id, change.path, signal),
        change.change === 'removed' ? '' : readFile(second.id, change.path, signal),
      ])
      return { before, after }
    },
    gcTime: 0,
  })
  return (
    <Loaded query={query} lines={3}>
      {({ before, after }) => <DiffView before={before} after={after} path={change.path} />}
    </Loaded>
  )
}

/** More lines of one comparison are not drawn. */
const mostLines = 2000
const longestLine = 1000

function DiffView({ before, after, path }: { before: string; after: string; path: string }): ReactNode {
  const lines = useMemo(() => {
    if (before.includes('\0') || after.includes('\0')) return undefined
    const all = diffLines(toLines(before), toLines(after))
    return all && aroundChanges(all).slice(0, mostLines)
  }, [before, after])
  if (!lines)
    return <p className="muted panel-body">They are too different, or no texts: download them to compare them.</p>
  return (
    <div className="diff" tabIndex={0} role="region" aria-label={`Differences in ${readableName(path)}`}>
      {lines.map((line, place) =>
        line === undefined ? (
          <div key={place} className="diff-gap faint">
            ⋯
          </div>
        ) : (
          <div key={place} className={`diff-line diff-${line.in}`}>
            <span className="diff-number number">{line.first}</span>
            <span className="diff-number number">{line.second}</span>
            <span aria-hidden="true">{line.in === 'first' ? '−' : line.in === 'second' ? '+' : ' '}</span>
            <span className="only-heard">
              {line.in === 'first' ? 'removed: ' : line.in === 'second' ? 'added: ' : ''}
            </span>
            <span dir="auto">{line.text.slice(0, longestLine)}</span>
          </div>
        ),
      )}
    </div>
  )
}

const toLines = (text: string): string[] => (text === '' ? [] : text.replace(/\n$/, '').split('\n'))

/** What was installed for the jobs; what their requirements files ask for, where it was not noted. */
function Packages({ jobs, onlyDifferent }: { jobs: readonly Job[]; onlyDifferent: boolean }): ReactNode {
  const query = useQuery<{ installed: Map<string, string>; asked: Map<string, string> }[], ApiError>({
    queryKey: ['compare-packages', ...jobs.map(({ id }) => id)],
    queryFn: ({ signal }) => Promise.all(jobs.map((job) => packagesOf(job, signal))),
  })
  return (
    <Loaded query={query} lines={2}>
      {(found) => {
        const areInstalled = found.every(({ installed }) => installed.size > 0)
        const packages = found.map(({ installed, asked }) => (areInstalled ? installed : asked))
        const names = [...new Set(packages.flatMap((one) => [...one.keys()]))].sort()
        if (names.length === 0) return null
        const rows = names.map((name) => ({ name, values: packages.map((one) => one.get(name)) }))
        const title = areInstalled ? 'Packages installed' : 'Packages asked for'
        return <Rows title={title} {...{ jobs, rows, onlyDifferent }} />
      }}
    </Loaded>
  )
}

async function packagesOf(job: Job, signal: AbortSignal) {
  const [{ items }, asked] = await Promise.all([
    client.job.packages({ job: job.id }, { signal }),
    askedFor(job, signal),
  ])
  return { installed: new Map(items.map(({ name, version }) => [name.toLowerCase(), version])), asked }
}

/** None where there is no such file. */
async function askedFor(job: Job, signal: AbortSignal): Promise<Map<string, string>> {
  const { requirements } = job.spec
  if (requirements === null || job.workspace === null) return new Map()
  return parseRequirements(await readFile(job.id, requirements, signal).catch(() => ''))
}
