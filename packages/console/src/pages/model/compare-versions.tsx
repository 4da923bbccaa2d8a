import { Select } from '@mantine/core'
import type { Interpretation, ModelGraph } from '@nabla/api/model-format'
import { modelFormats, scanVerdicts } from '@nabla/api/model-tables'
import type { Model, ModelVersion } from '@nabla/api/model'
import type { ReactNode } from 'react'
import { useApi } from '../../api/query.ts'
import { formatBytes, formatCount } from '../../parts/format.ts'
import { EmptyState, Loaded } from '../../parts/states.tsx'
import { useSetUrlSearch, useUrlState } from '../../parts/url-state.ts'
import { shapeText } from './model-words.tsx'
import { signers } from './version-table.tsx'

/** Two versions side by side: what they measured, take and give, weigh, and what made them. */
export function CompareVersions({ model, versions }: { model: Model; versions: readonly ModelVersion[] }): ReactNode {
  const [from] = useUrlState('from', `${versions[1]?.version ?? ''}`)
  const [to] = useUrlState('to', `${versions[0]?.version ?? ''}`)
  const change = useSetUrlSearch()
  const left = versions.find(({ version }) => `${version}` === from)
  const right = versions.find(({ version }) => `${version}` === to)
  if (versions.length < 2) {
    return <EmptyState title="There are no two versions to compare." command={`model upload ${model.name} PATH`} />
  }
  const data = versions.map(({ version, aliases }) => ({
    value: `${version}`,
    label: [`v${version}`, ...aliases].join(' · '),
  }))
  return (
    <div className="stack">
      <div className="row">
        <Select
          aria-label="Compare version"
          className="model-choice"
          value={from}
          data={data}
          onChange={(next) => change({ from: next ?? undefined })}
          allowDeselect={false}
        />
        <span className="muted">with</span>
        <Select
          aria-label="With version"
          className="model-choice"
          value={to}
          data={data}
          onChange={(next) => change({ to: next ?? undefined })}
          allowDeselect={false}
        />
      </div>
      {left && right && <Comparison model={model} left={left} right={right} />}
    </div>
  )
}

function Comparison({ model, left, right }: { model: Model; left: ModelVersion; right: ModelVersion }): ReactNode {
  const first = useApi('model', 'interpretation', { model: model.id, version: `${left.version}` })
  const second = useApi('model', 'interpretation', { model: model.id, version: `${right.version}` })
  const graphs = [useGraph(model, left), useGraph(model, right)] as const
  return (
    <Loaded query={first}>
      {(a) => (
        <Loaded query={second}>
          {(b) => <Rows sides={[left, right]} read={[a, b]} graphs={[graphText(graphs[0]), graphText(graphs[1])]} />}
        </Loaded>
      )}
    </Loaded>
  )
}

const useGraph = (model: Model, { version }: ModelVersion): ModelGraph | undefined =>
  useApi('model', 'graph', { model: model.id, version: `${version}` }).data

/** How many nodes there are of each kind, the most frequent first. */
function graphText(graph: ModelGraph | undefined): string {
  if (!graph || graph.nodes.length === 0) return '–'
  const kinds = [...Map.groupBy(graph.nodes, ({ type }) => type)].toSorted((a, b) => b[1].length - a[1].length)
  const words = kinds.slice(0, 8).map(([type, nodes]) => (nodes.length === 1 ? type : `${type} × ${nodes.length}`))
  return [`${formatCount(graph.nodes.length)}${graph.complete ? '' : ' or more'}: ${words.join(', ')}`]
    .concat(kinds.length > 8 ? '…' : [])
    .join(', ')
}

type Row = [name: string, left: string, right: string]

function Rows(props: {
  sides: [ModelVersion, ModelVersion]
  read: [Interpretation, Interpretation]
  graphs: [string, string]
}): ReactNode {
  const [a, b] = props.sides
  const rows: Row[] = [...rowsOf(a, b, props.read), ['Graph', ...props.graphs]]
  return (
    <div className="panel model-scroll" tabIndex={0} role="region" aria-label="Comparison">
      <table className="model-table model-compare">
        <thead>
          <tr>
            <th>
              <span className="faint">What</span>
            </th>
            <th>{a.reference}</th>
            <th>{b.reference}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(([name, left, right]) => (
            <tr key={name} className={left === right ? '' : 'model-differs'}>
              <th scope="row">
                <bdi>{name}</bdi>
              </th>
              <td>
                <bdi>{left}</bdi>
              </td>
              <td>
                <bdi>{right}</bdi>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function* rowsOf(a: ModelVersion, b: ModelVersion, [left, right]: [Interpretation, Interpretation]): Generator<Row> {
  const names = [...new Set([...a.metrics, ...b.metrics].map(({ name }) => name))].slice(0, 200)
  for (const name of names) yield [name, metricOf(a, name), metricOf(b, name)]
  yield ['Format', modelFormats[left.format].label, modelFormats[right.format].label]
  yield ['Made with', left.producer ?? '–', right.producer ?? '–']
  yield ['Parameters', countText(left.parameters), countText(right.parameters)]
  yield ['Tensors', formatCount(left.layerCount), formatCount(right.layerCount)]
  yield ['Size', formatBytes(a.sizeBytes), formatBytes(b.sizeBytes)]
  yield ['Inputs', tensorsText(left.inputs), tensorsText(right.inputs)]
  yield ['Outputs', tensorsText(left.outputs), tensorsText(right.outputs)]
  yield ['Scan', scanVerdicts[left.verdict].label, scanVerdicts[right.verdict].label]
  yield ['Signed by', signers(a.signatures) || '–', signers(b.signatures) || '–']
  yield ['Job', a.lineage.job?.name ?? '–', b.lineage.job?.name ?? '–']
  yield ['Code', codeOf(a), codeOf(b)]
  yield ['Data', dataOf(a), dataOf(b)]
  yield ['Digest', digestOf(a), digestOf(b)]
}

const metricOf = ({ metrics }: ModelVersion, name: string): string => {
  const value = metrics.find((metric) => metric.name === name)?.value
  return value === undefined ? '–' : String(Number(value.toPrecision(6)))
}
const countText = (count: number | null): string => (count === null ? '–' : formatCount(count))
const codeOf = ({ lineage }: ModelVersion): string => (lineage.commit ?? lineage.workspaceDigest ?? '–').slice(0, 12)
const digestOf = ({ digest }: ModelVersion): string => digest?.slice(0, 12) ?? '–'
const dataOf = ({ lineage }: ModelVersion): string =>
  lineage.datasets.map(({ name, version }) => `${name}:${version}`).join(', ') || '–'
const tensorsText = (tensors: Interpretation['inputs']): string =>
  tensors
    .slice(0, 20)
    .map(({ name, type, shape }) => `${name}: ${type} ${shapeText(shape)}`)
    .join(', ') || '–'
