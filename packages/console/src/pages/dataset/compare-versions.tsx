import { Select } from '@mantine/core'
import type { Dataset, DatasetVersion } from '@nabla/api/dataset'
import type { FileChange } from '@nabla/api/file'
import type { ReactNode } from 'react'
import { useApi } from '../../api/query.ts'
import { CommandLine } from '../../parts/copy.tsx'
import { formatBytes, formatCount, plural } from '../../parts/format.ts'
import { Panel } from '../../parts/page-header.tsx'
import { readableName } from '../../parts/file-kind.ts'
import { EmptyState, Loaded } from '../../parts/states.tsx'
import { useUrlState } from '../../parts/url-state.ts'

/** Differences that are asked for, and those that are drawn; of the others there is a count. */
const mostChanges = 10_000
const mostShown = 500

/** Which files two versions differ in. */
export function CompareVersions(props: { dataset: Dataset; versions: readonly DatasetVersion[] }): ReactNode {
  const { dataset, versions } = props
  const [newest, older] = versions
  const [from, setFrom] = useUrlState('from', `${(older ?? newest)?.version ?? ''}`)
  const [to, setTo] = useUrlState('to', `${newest?.version ?? ''}`)
  const digestOf = (number: string) => versions.find(({ version }) => `${version}` === number)?.digest
  const isSame = from === to || (digestOf(from) !== undefined && digestOf(from) === digestOf(to))
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
        <Compared dataset={dataset} from={from} to={to} />
      )}
      <CommandLine line={`dataset compare ${dataset.name}:${from} ${dataset.name}:${to}`} />
    </div>
  )
}

const signs: Record<FileChange['change'], string> = { added: '+', removed: '−', changed: '~' }

function Compared({ dataset, from, to }: { dataset: Dataset; from: string; to: string }): ReactNode {
  const query = useApi('dataset', 'compare', { dataset: dataset.id, version: to, from, limit: mostChanges })
  return <Loaded query={query}>{({ items, complete }) => <Differences items={items} complete={complete} />}</Loaded>
}

function Differences({ items, complete }: { items: readonly FileChange[]; complete: boolean }): ReactNode {
  const count = (of: FileChange['change']) => formatCount(items.filter(({ change }) => change === of).length)
  const title = `${count('added')} added, ${count('removed')} removed, ${count('changed')} changed`
  return (
    <Panel title={complete ? title : `The first ${formatCount(items.length)}: ${title}`} flush>
      <ul className="compare-files" aria-label="Differences">
        {items.slice(0, mostShown).map(({ path, change, sizeBytes, sizeBytesBefore }) => (
          <li key={path}>
            <span className={`compare-${change}`}>
              {signs[change]} {change}
            </span>
            <span className="mono ellipsis" dir="auto" title={readableName(path)}>
              {readableName(path)}
            </span>
            <span className="muted number">
              {[sizeBytesBefore, sizeBytes].flatMap((size) => (size === null ? [] : [formatBytes(size)])).join(' → ')}
            </span>
          </li>
        ))}
      </ul>
      {items.length > mostShown && (
        <p className="panel-body muted">and {plural(items.length - mostShown, 'more', 'more')}</p>
      )}
    </Panel>
  )
}
