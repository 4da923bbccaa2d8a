import type { ModelGraph } from '@nabla/api/model-format'
import type { ModelVersion } from '@nabla/api/model'
import { type ReactNode, useMemo, useState } from 'react'
import { useApi } from '../../api/query.ts'
import { formatCount } from '../../parts/format.ts'
import { Facts, Panel } from '../../parts/page-header.tsx'
import { EmptyState, Loaded } from '../../parts/states.tsx'
import { type GraphLayout, layOut, nodeSize, type PlacedNode } from './graph-layout.ts'

/** The operators or layers of a version, drawn from top to bottom. */
export function GraphView({ version }: { version: ModelVersion }): ReactNode {
  const query = useApi('model', 'graph', { model: version.model.id, version: `${version.version}` })
  return (
    <Loaded query={query}>
      {(graph) =>
        graph.nodes.length === 0 ? (
          <EmptyState title="There is no graph to draw." command={`model show ${version.reference} --layers`}>
            Graphs are drawn of ONNX, TensorFlow and Keras. Other formats hold weights alone, or keep their graph in
            code, which is not run here.
          </EmptyState>
        ) : (
          <Graph graph={graph} />
        )
      }
    </Loaded>
  )
}

function Graph({ graph }: { graph: ModelGraph }): ReactNode {
  const layout = useMemo(() => layOut(graph), [graph])
  const [chosen, setChosen] = useState<string>()
  const node = layout.nodes.find(({ id }) => id === chosen)
  const near = new Set(layout.edges.flatMap(({ from, to }) => (from === chosen || to === chosen ? [from, to] : [])))
  const margin = 12
  return (
    <div className="model-graph">
      <div className="panel model-canvas" tabIndex={0} role="region" aria-label="Graph of the model">
        <svg
          width={layout.width + 2 * margin}
          height={layout.height + 2 * margin}
          viewBox={`${-margin} ${-margin} ${layout.width + 2 * margin} ${layout.height + 2 * margin}`}
        >
          {layout.edges.map(({ from, to, path }) => (
            <path
              key={`${from}-${to}`}
              d={path}
              className={from === chosen || to === chosen ? 'model-edge model-edge-near' : 'model-edge'}
            />
          ))}
          {layout.nodes.map(({ id, name, type, x, y }) => (
            <g
              key={id}
              transform={`translate(${x} ${y})`}
              className={`model-node ${id === chosen ? 'model-node-chosen' : ''} ${near.has(id) ? 'model-node-near' : ''}`}
              role="button"
              tabIndex={0}
              aria-pressed={id === chosen}
              onClick={() => setChosen(id)}
              onKeyDown={(event) => {
                if (event.key !== 'Enter' && event.key !== ' ') return
                event.preventDefault()
                setChosen(id)
              }}
            >
              <rect width={nodeSize.width} height={nodeSize.height} rx="5" />
              <text x="10" y="16" className="model-node-type">
                {cut(type, 22)}
              </text>{' '}
              <text x="10" y="30" className="model-node-name">
                {cut(name, 26)}
              </text>
            </g>
          ))}
        </svg>
      </div>
      <Chosen node={node} layout={layout} complete={graph.complete} />
    </div>
  )
}

/** What there is to say of the node that was chosen. */
function Chosen(props: { node: PlacedNode | undefined; layout: GraphLayout; complete: boolean }): ReactNode {
  const { node, layout, complete } = props
  const { edges, nodes } = layout
  if (!node) {
    return (
      <Panel title="Graph">
        <p className="muted">
          {complete
            ? `${formatCount(nodes.length)} nodes. Choose one to see what leads to it.`
            : `The first ${formatCount(nodes.length)} nodes are drawn; there are more.`}
        </p>
      </Panel>
    )
  }
  const before = edges.filter(({ to }) => to === node.id).map(({ from }) => from)
  const after = edges.filter(({ from }) => from === node.id).map(({ to }) => to)
  return (
    <Panel title={node.type}>
      <Facts
        facts={[
          ['Name', <bdi key="name">{node.name}</bdi>],
          ['From', namesOf(before, nodes)],
          ['To', namesOf(after, nodes)],
          ...Object.entries(node.details).map(([name, value]) => [name, <bdi key={name}>{value}</bdi>] as const),
        ]}
      />
    </Panel>
  )
}

const cut = (text: string, most: number): string => (text.length > most ? `${text.slice(0, most - 1)}…` : text)

function namesOf(ids: readonly string[], nodes: readonly { id: string; name: string }[]): string {
  const names = ids.map((id) => nodes.find((node) => node.id === id)?.name ?? id)
  return names.slice(0, 20).join(', ') || '–'
}
