import type { Interpretation } from '@nabla/api/model-format'
import { modelFormats } from '@nabla/api/model-tables'
import type { Model, ModelVersion } from '@nabla/api/model'
import type { ReactNode } from 'react'
import { useApi } from '../../api/query.ts'
import { Bytes, RelativeTime } from '../../parts/amount.tsx'
import { CommandLine, CopyId, CopyText } from '../../parts/copy.tsx'
import { formatCount, plural } from '../../parts/format.ts'
import { MarkdownView } from '../../parts/markdown-view.tsx'
import { Facts, Panel } from '../../parts/page-header.tsx'
import { Loaded } from '../../parts/states.tsx'
import { Lineage } from './lineage.tsx'
import { Aliases, ParameterCount, Verdict } from './model-words.tsx'
import { signers } from './version-table.tsx'

/** What a version is, what made it, and how it is used. */
export function Overview({ model, version }: { model: Model; version: ModelVersion }): ReactNode {
  const query = useApi('model', 'interpretation', { model: model.id, version: `${version.version}` })
  return (
    <div className="stack">
      <Lineage version={version} />
      <div className="model-columns">
        <div className="stack">
          <Loaded query={query}>{(read) => <Read read={read} version={version} />}</Loaded>
          {version.notes !== '' && (
            <Panel title="Notes">
              <MarkdownView text={version.notes} />
            </Panel>
          )}
          {model.notes !== '' && (
            <Panel title="About the model">
              <MarkdownView text={model.notes} />
            </Panel>
          )}
        </div>
        <div className="stack">
          <About version={version} />
          <Use version={version} />
        </div>
      </div>
    </div>
  )
}

function Read({ read, version }: { read: Interpretation; version: ModelVersion }): ReactNode {
  const odd = read.pickles.filter(({ verdict }) => verdict !== 'clean')
  return (
    <>
      {read.warnings.map((text) => (
        <p key={text} className="model-note" role="note">
          {text}
        </p>
      ))}
      {odd.map(({ path, verdict, imports, reason }) => (
        <p key={path} className={`model-note model-${verdict}`} role="note">
          <strong>{path}</strong> looks {verdict}.{' '}
          {imports.some((one) => one.verdict !== 'clean') &&
            `It names ${imports
              .filter((one) => one.verdict !== 'clean')
              .slice(0, 8)
              .map(({ name }) => name)
              .join(', ')}.`}{' '}
          {reason !== null && `${reason}.`} Nothing of it was run.
        </p>
      ))}
      <Panel title="What it is">
        <Facts
          facts={[
            ['Format', modelFormats[read.format].label],
            ['Made with', read.producer ?? <span className="faint none">–</span>],
            ['Parameters', <ParameterCount key="parameters" count={read.parameters} />],
            ['Inputs', `${read.inputs.length}`],
            ['Outputs', `${read.outputs.length}`],
            ...(read.opsets.length > 0
              ? [['Opset', read.opsets.map(({ domain, version: own }) => `${domain} ${own}`).join(', ')] as const]
              : []),
            ['Scan', <Verdict key="scan" verdict={read.verdict} />],
            ...Object.entries(read.details)
              .slice(0, 40)
              .map(([name, value]) => [name, <bdi key={name}>{value}</bdi>] as const),
          ]}
        />
      </Panel>
      <Metrics own={version.metrics} read={read.metrics} />
    </>
  )
}

type Metric = Interpretation['metrics'][number]

/** As many as one looks through. */
const mostMetrics = 100

/** What it was given, and what its files say: one line for each name. */
function Metrics({ own, read }: { own: ModelVersion['metrics']; read: readonly Metric[] }): ReactNode {
  const names = [...new Set([...own, ...read].map(({ name }) => name))]
  if (names.length === 0) return null
  const [given, inFiles] = [own, read].map((metrics) => new Map(metrics.map((metric) => [metric.name, metric])))
  return (
    <Panel title="Metrics">
      <Facts
        facts={names
          .slice(0, mostMetrics)
          .map((name) => [name, <MetricValue key={name} given={given?.get(name)} inFiles={inFiles?.get(name)} />])}
      />
    </Panel>
  )
}

/** The last value, and what all of a training come to; that of its files too, where it was given another one. */
function MetricValue({ given, inFiles }: { given: Metric | undefined; inFiles: Metric | undefined }): ReactNode {
  const short = (number: number) => Number(number.toPrecision(6))
  const { value, statistics } = inFiles ?? {}
  const isOther = given !== undefined && value !== undefined && given.value !== value
  const shown = given?.value ?? value
  return (
    <span className="number">
      {shown !== undefined && short(shown)}{' '}
      {(isOther || statistics) && (
        <span
          className="muted"
          title={statistics && `median ${short(statistics.median)}, standard deviation ${short(statistics.deviation)}`}
        >
          {isOther && `in its files ${short(value)} `}
          {statistics &&
            `last of ${formatCount(statistics.count)}, from ${short(statistics.min)} to ${short(statistics.max)}, mean ${short(statistics.mean)}`}
        </span>
      )}
    </span>
  )
}

function About({ version }: { version: ModelVersion }): ReactNode {
  const { id, digest, files, sizeBytes, createdAt, createdBy, signatures, type, attributes, source, aliases } = version
  return (
    <Panel title="This version">
      <Facts
        facts={[
          ['Aliases', aliases.length > 0 ? <Aliases key="aliases" aliases={aliases} /> : '–'],
          ...(type === null ? [] : [['Type', type] as const]),
          ['From', <bdi key="from">{source}</bdi>],
          [
            'Files',
            <span key="files">
              {plural(files, 'file')}, <Bytes bytes={sizeBytes} />
            </span>,
          ],
          ['Signed by', signers(signatures) || <span className="faint">nobody</span>],
          [
            'Made',
            <span key="made">
              <RelativeTime time={createdAt} /> by <bdi>{createdBy.name}</bdi>
            </span>,
          ],
          ['Id', <CopyId key="id" value={id} />],
          ['Digest', digest === null ? '–' : <CopyId key="digest" value={digest} />],
          ...Object.entries(attributes).map(([name, value]) => [name, <bdi key={name}>{value}</bdi>] as const),
        ]}
      />
    </Panel>
  )
}

function Use({ version }: { version: ModelVersion }): ReactNode {
  const { model, reference, aliases, signatures } = version
  const best = aliases[0] === undefined ? reference : `${model.name}@${aliases[0]}`
  return (
    <Panel title="Use it">
      <div className="stack">
        <p>A job finds its files, read-only, at:</p>
        <CopyText value={`/models/${model.name}`} label="Folder in the job" />
        <CommandLine line={`run --model ${best} -- python predict.py`} label="In a job" />
        <CommandLine line={`model get ${best} --to ${model.name}`} label="Download" />
        {signatures.length === 0 && (
          <CommandLine line={`model sign ${reference} --as KEY --key-file FILE`} label="Sign" />
        )}
      </div>
    </Panel>
  )
}
