import { Select } from '@mantine/core'
import type { ApiError } from '@nabla/api/client'
import type { Dataset, DatasetVersion } from '@nabla/api/dataset'
import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { formatBytes, formatCount, plural } from '../../parts/format.ts'
import { Panel } from '../../parts/page-header.tsx'
import { readableName } from '../../parts/file-kind.ts'
import { EmptyState, Loaded } from '../../parts/states.tsx'
import { useUrlState } from '../../parts/url-state.ts'
import { type Comparison, compareVersions, type Difference } from './compare.ts'

/** Differences that are drawn; of more there is a count. */
const mostShown = 500

/** Which files two versions differ in. */
export function CompareVersions(props: { dataset: Dataset; versions: readonly DatasetVersion[] }): ReactNode {
  const { dataset, versions } = props
  const [newest, older] = versions
  const [from, setFrom] = useUrlState('from', `${(older ?? newest)?.version ?? ''}`)
  const [to, setTo] = useUrlState('to', `${newest?.version ?? ''}`)
  const digestOf = (number: string) => versions.find(({ version }) => `${version}` === number)?.digest
  const isSame = from === to || (digestOf(from) !== undefined && digestOf(from) === digestOf(to))
  const query = useQuery<Comparison, ApiError>({
    queryKey: ['dataset-compare', dataset.id, from, to],
    queryFn: ({ signal }) => compareVersions(dataset.name, { from, to }, signal),
    enabled: !isSame,
    staleTime: Number.POSITIVE_INFINITY,
  })
  if (versions.length < 2) {
    return (
      <EmptyState title="There are no two versions to compare yet." command={`dataset push ${dataset.name} FOLDER`} />
    )
  }
  const data = versions.map(({ version, tags }) => ({
    value: `${version}`,
    label: [`v${version}`, ...tags].join(' · '),
  }))
  return (
    <div className="stack">
      <div className="compare-choice">
        <Select
          aria-label="From version"
          data={data}
          value={from}
          onChange={(next) => setFrom(next ?? '')}
          allowDeselect={false}
        />
        <span className="muted">to</span>
        <Select
          aria-label="To version"
          data={data}
          value={to}
          onChange={(next) => setTo(next ?? '')}
          allowDeselect={false}
        />
      </div>
      {isSame ? (
        <EmptyState title="These two hold the same files." />
      ) : (
        <Loaded query={query}>{(comparison) => <Differences {...comparison} />}</Loaded>
      )}
    </div>
  )
}

const words = { added: 'added', removed: 'removed', changed: 'changed', unknown: 'same size' } as const

function Differences({ differences, equal, complete }: Comparison): ReactNode {
  const count = (is: Difference['is']) => differences.filter((one) => one.is === is).length
  const unknown = count('unknown')
  const parts = [
    `${formatCount(count('added'))} added`,
    `${formatCount(count('removed'))} removed`,
    `${formatCount(count('changed'))} changed`,
    `${formatCount(equal)} equal`,
    ...(unknown > 0 ? [`${formatCount(unknown)} of the same size, not looked into`] : []),
  ]
  return (
    <Panel title={parts.join(', ')} flush>
      {!complete && <p className="panel-body muted">Only the first files of each are compared: there are too many.</p>}
      <ul className="compare-files" aria-label="Differences">
        {differences.slice(0, mostShown).map(({ path, is, before, after }) => (
          <li key={path}>
            <span className={`compare-${is}`}>
              {is === 'added' ? '+ ' : is === 'removed' ? '− ' : is === 'changed' ? '~ ' : ''}
              {words[is]}
            </span>
            <span className="mono ellipsis" dir="auto" title={readableName(path)}>
              {readableName(path)}
            </span>
            <span className="muted number">
              {[before, after].flatMap((size) => (size === undefined ? [] : [formatBytes(size)])).join(' → ')}
            </span>
          </li>
        ))}
      </ul>
      {differences.length > mostShown && (
        <p className="panel-body muted">and {plural(differences.length - mostShown, 'more', 'more')}</p>
      )}
    </Panel>
  )
}
