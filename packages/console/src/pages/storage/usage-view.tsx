import { SegmentedControl } from '@mantine/core'
import type { FolderUsage } from '@nabla/api/file'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { useApi } from '../../api/query.ts'
import { Bytes } from '../../parts/amount.tsx'
import { CommandLine } from '../../parts/copy.tsx'
import { formatBytes, formatCount, plural } from '../../parts/format.ts'
import { Icon } from '../../parts/icon.tsx'
import { quote } from '../../parts/quote.ts'
import { EmptyState, Loaded } from '../../parts/states.tsx'
import { useUrlState } from '../../parts/url-state.ts'
import { addressOf, folderOf, nameOf } from './paths.ts'
import { Treemap } from './treemap.tsx'
import '@mantine/core/styles/FloatingIndicator.css'
import '@mantine/core/styles/SegmentedControl.css'

/** What takes the space of a folder: as a map, or as a table that says the same. */
export function UsageView({ folder }: { folder: string }): ReactNode {
  const query = useApi('storage', 'du', { path: folder, depth: 2, limit: 500 })
  const [shape, setShape] = useUrlState('as', 'map')
  return (
    <Loaded query={query}>
      {({ total, items, complete }) =>
        total.sizeBytes === 0 && items.length === 0 ? (
          <EmptyState title="Nothing takes space here." command="storage put data.csv" />
        ) : (
          <div className="stack">
            <div className="row usage-head">
              <span className="number">
                {complete ? '' : 'at least '}
                {formatBytes(total.sizeBytes)} in {plural(total.files, 'file')}
              </span>
              <div className="grow" />
              <SegmentedControl
                aria-label="Show as"
                value={shape}
                onChange={setShape}
                data={[
                  { value: 'map', label: 'Map' },
                  { value: 'table', label: 'Table' },
                ]}
              />
            </div>
            {shape === 'table' ? (
              <UsageTable folder={folder} items={items} total={total.sizeBytes} />
            ) : (
              <Treemap total={total} items={items} />
            )}
            <CommandLine line={`storage du${folder === '' ? '' : ` ${quote(folder)}`} --depth 2`} />
          </div>
        )
      }
    </Loaded>
  )
}

function UsageTable(props: { folder: string; items: readonly FolderUsage[]; total: number }): ReactNode {
  const { folder, items, total } = props
  const rows = items.filter(({ path }) => folderOf(path) === folder)
  return (
    <div className="panel usage-table-box">
      <table className="usage-table">
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col" className="table-right">
              Size
            </th>
            <th scope="col" className="table-right">
              Share
            </th>
            <th scope="col" className="table-right only-wide">
              Files
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ path, type, sizeBytes, files }) => (
            <tr key={path}>
              <th scope="row">
                <Link
                  to={addressOf(type === 'folder' ? path : folder) as never}
                  search={
                    (type === 'folder'
                      ? { view: 'usage', as: 'table' }
                      : { file: nameOf(path), view: 'usage', as: 'table' }) as never
                  }
                  className="entry-name"
                  dir="auto"
                >
                  <Icon name={type === 'folder' ? 'folder' : 'file'} size={15} />
                  <span className="ellipsis" title={path}>
                    {nameOf(path)}
                  </span>
                </Link>
              </th>
              <td className="table-right">
                <Bytes bytes={sizeBytes} />
              </td>
              <td className="table-right number">
                {total === 0 ? '–' : `${((sizeBytes / total) * 100).toFixed(1)} %`}
              </td>
              <td className="table-right number only-wide">{formatCount(files)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
