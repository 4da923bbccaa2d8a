import type { ModelVersion } from '@nabla/api/model'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { useApi } from '../../api/query.ts'

interface Place {
  key: string
  kind: string
  content: ReactNode
}

/** Code and data, what made the version of them, the version, what it is called, and what serves and reads it. */
export function Lineage({ version }: { version: ModelVersion }): ReactNode {
  const { model, aliases, reference } = version
  const uses = useApi('model', 'uses', { model: model.id, version: `${version.version}` })
  return (
    <section className="panel model-lineage" aria-label="Lineage">
      <Stage places={readBy(version)} />
      <Stage places={[madeBy(version)]} />
      <ul className="model-stage">
        <li className="model-self" aria-current="true">
          <Kind>Model</Kind>
          {reference}
        </li>
      </ul>
      <Stage places={aliases.map((alias) => ({ key: alias, kind: 'Alias', content: `@${alias}` }))} />
      <Stage
        places={(uses.data?.items ?? []).slice(0, mostUses).map(({ kind, id, name, state }) => ({
          key: id,
          kind: kind === 'deployment' ? `Deployment, ${state}` : `Read by job, ${state}`,
          content: <Link to={`/${kind}s/${id}` as never}>{name}</Link>,
        }))}
      />
    </section>
  )
}

/** More would not fit in a picture; the command line shows them all. */
const mostUses = 6

function Stage({ places }: { places: readonly Place[] }): ReactNode {
  if (places.length === 0) return null
  return (
    <ul className="model-stage">
      {places.map(({ key, kind, content }) => (
        <li key={key}>
          <Kind>{kind}</Kind>
          {content}
        </li>
      ))}
    </ul>
  )
}

function Kind({ children }: { children: ReactNode }): ReactNode {
  return <span className="model-kind">{children}</span>
}

function readBy({ lineage }: ModelVersion): Place[] {
  const code = lineage.commit ?? lineage.workspaceDigest
  return [
    ...(code === null ? [] : [{ key: 'code', kind: 'Code', content: <code>{code.slice(0, 12)}</code> }]),
    ...lineage.datasets.map((one) => ({
      key: `${one.id}:${one.version}`,
      kind: 'Data',
      content: (
        <Link to={`/data/datasets/${one.name}?tab=files&version=${one.version}` as never}>
          {one.name}:{one.version}
        </Link>
      ),
    })),
  ]
}

function madeBy({ lineage, source }: ModelVersion): Place {
  const content = lineage.job ? (
    <Link to={`/jobs/${lineage.job.id}` as never}>{lineage.job.name}</Link>
  ) : (
    <span className="ellipsis" title={source}>
      {source}
    </span>
  )
  return { key: 'made', kind: lineage.job ? 'Job' : lineage.run ? 'Run' : 'From', content }
}
