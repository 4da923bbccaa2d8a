import type { Interpretation, ModelTensor } from '@nabla/api/model-format'
import type { ModelVersion } from '@nabla/api/model'
import { type ReactNode, useState } from 'react'
import { useApi } from '../../api/query.ts'
import { Bytes } from '../../parts/amount.tsx'
import { formatCount } from '../../parts/format.ts'
import { Panel } from '../../parts/page-header.tsx'
import { EmptyState, Loaded } from '../../parts/states.tsx'
import { ParameterCount, shapeText } from './model-words.tsx'

/** Rows drawn at first: a table of thousands is slow, and nobody reads it. */
const firstRows = 200

/** Inputs, outputs, and the weights by layer. */
export function SignatureView({ version }: { version: ModelVersion }): ReactNode {
  const query = useApi('model', 'interpretation', { model: version.model.id, version: `${version.version}` })
  return (
    <Loaded query={query}>
      {(read) => (
        <div className="stack">
          <div className="model-halves">
            <Tensors title="Inputs" tensors={read.inputs} />
            <Tensors title="Outputs" tensors={read.outputs} />
          </div>
          <Layers read={read} />
        </div>
      )}
    </Loaded>
  )
}

function Tensors({ title, tensors }: { title: string; tensors: readonly ModelTensor[] }): ReactNode {
  return (
    <Panel title={title} flush>
      {tensors.length === 0 ? (
        <p className="muted model-pad">The file does not say.</p>
      ) : (
        <div className="model-scroll" tabIndex={0} role="region" aria-label={title}>
          <table className="model-table">
            <thead>
              <tr>
                <th>Name</th>
                <th>Type</th>
                <th>Shape</th>
              </tr>
            </thead>
            <tbody>
              {tensors.slice(0, firstRows).map(({ name, type, shape }, at) => (
                <tr key={`${at}`}>
                  <td>
                    <bdi>{name}</bdi>
                  </td>
                  <td>{type}</td>
                  <td className="number">{shapeText(shape)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  )
}

function Layers({ read }: { read: Interpretation }): ReactNode {
  const [isWhole, setWhole] = useState(false)
  const { layers, layerCount, parameters } = read
  if (layers.length === 0) return <EmptyState title="The file does not say what weights it has." />
  const largest = Math.max(1, ...layers.map(({ sizeBytes }) => sizeBytes ?? 0))
  const rows = isWhole ? layers : layers.slice(0, firstRows)
  return (
    <Panel
      title={`${formatCount(layerCount)} ${layerCount === 1 ? 'tensor' : 'tensors'}`}
      actions={
        <span className="muted">
          <ParameterCount count={parameters} /> parameters
        </span>
      }
      flush
    >
      <div className="model-scroll" tabIndex={0} role="region" aria-label="Tensors">
        <table className="model-table">
          <thead>
            <tr>
              <th>Name</th>
              <th>Type</th>
              <th>Shape</th>
              <th className="right">Parameters</th>
              <th className="right">Size</th>
              <th aria-hidden="true" />
            </tr>
          </thead>
          <tbody>
            {rows.map((layer, at) => (
              <tr key={`${at}`}>
                <td>
                  <bdi>{layer.name}</bdi>
                </td>
                <td>{layer.type}</td>
                <td className="number">{shapeText(layer.shape)}</td>
                <td className="right number">{layer.parameters === null ? '–' : formatCount(layer.parameters)}</td>
                <td className="right">
                  <Bytes bytes={layer.sizeBytes} />
                </td>
                <td aria-hidden="true" className="model-share">
                  <span style={{ width: `${((layer.sizeBytes ?? 0) / largest) * 100}%` }} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {layers.length > rows.length && (
        <button type="button" className="model-more" onClick={() => setWhole(true)}>
          Show all {formatCount(layers.length)}
        </button>
      )}
    </Panel>
  )
}
