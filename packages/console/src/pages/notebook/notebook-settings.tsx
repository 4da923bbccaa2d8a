import { Button } from '@mantine/core'
import type { Notebook } from '@nabla/api/notebook'
import { notebookCan } from '@nabla/api/notebook-state'
import type { ServedLink } from '@nabla/api/served'
import { Link } from '@tanstack/react-router'
import { type ReactNode, useState } from 'react'
import { client } from '../../api/client.ts'
import { useAction } from '../../parts/action.ts'
import { CommandLine, CopyId, CopyText } from '../../parts/copy.tsx'
import { formatDuration } from '../../parts/format.ts'
import { Facts, Panel } from '../../parts/page-header.tsx'
import { quote } from '../../parts/quote.ts'
import { ErrorNote } from '../../parts/states.tsx'

/** What a notebook is made of, and how other programs reach it. */
export function NotebookSettings({ notebook }: { notebook: Notebook }): ReactNode {
  const { spec, name } = notebook
  const none = <span className="faint">none</span>
  const seconds = (value: number | null) => (value === null ? none : formatDuration(value * 1000))
  return (
    <div className="job-settings">
      <Panel title="Made of">
        <div className="stack">
          <Facts
            facts={[
              ['Image', spec.image === 'host' ? 'host: this machine, with a Jupyter that Nabla keeps' : spec.image],
              ['Machine type', notebook.machineType],
              ['Stops unused after', seconds(spec.idleLimitSeconds)],
              ['Time limit', seconds(spec.timeLimitSeconds)],
              ['Command', spec.command ?? none],
              ['Packages', spec.packages.length === 0 ? none : spec.packages.join(', ')],
              ['Variables', Object.keys(spec.env).length === 0 ? none : <Variables env={spec.env} />],
              ['Sessions', String(notebook.session)],
              ...originOf(notebook),
              ['Id', <CopyId key="id" value={notebook.id} />],
            ]}
          />
          <CommandLine line={`notebook update ${quote(name)} --idle-limit 4h`} />
        </div>
      </Panel>
      <Clients notebook={notebook} />
      <Packages notebook={notebook} />
    </div>
  )
}

function originOf({ parentNotebookId, fromJobId }: Notebook): [string, ReactNode][] {
  return [
    ...(parentNotebookId === null
      ? []
      : [
          [
            'Fork of',
            <Link key="of" to={`/notebooks/${parentNotebookId}` as never}>
              {parentNotebookId}
            </Link>,
          ] as [string, ReactNode],
        ]),
    ...(fromJobId === null
      ? []
      : [
          [
            'Files of',
            <Link key="job" to={`/jobs/${fromJobId}` as never}>
              {fromJobId}
            </Link>,
          ] as [string, ReactNode],
        ]),
  ]
}

function Variables({ env }: { env: Record<string, string> }): ReactNode {
  return (
    <span className="mono notebook-variables">
      {Object.entries(env).map(([name, value]) => (
        <span key={name}>
          {name}={value}
        </span>
      ))}
    </span>
  )
}

/** Address and token for VS Code, `jupyter_client` and scripts: they stay the same. */
function Clients({ notebook }: { notebook: Notebook }): ReactNode {
  const { id, name, address } = notebook
  const [link, setLink] = useState<ServedLink>()
  const show = useAction({
    run: async () => {
      const found = await client.notebook.open({ notebook: id, body: {} })
      setLink(found)
      return found
    },
  })
  return (
    <Panel title="Other clients">
      <div className="stack">
        {address === null ? (
          <p className="muted">
            Your browser reaches this server by an address at which notebooks have no names of their own. The setting
            <code> proxyUrl</code> gives them some.
          </p>
        ) : (
          <>
            <p className="muted">
              VS Code (Select Kernel, Existing Jupyter Server), <code>jupyter_client</code> and scripts connect with
              this address. The token is yours, for this notebook alone, and stays the same.
            </p>
            {link === undefined ? (
              <>
                <CopyText value={address} label="Address" />
                <div>
                  <Button loading={show.pending} onClick={() => void show.run(undefined)}>
                    Show my token
                  </Button>
                </div>
              </>
            ) : (
              <>
                <CopyText value={`${link.programAddress}?token=${link.token}`} label="Address for VS Code" />
                <CopyText
                  value={`curl -H 'Authorization: Bearer ${link.token}' ${link.programAddress}api/status`}
                  label="In a shell"
                />
              </>
            )}
            <ErrorNote error={show.error} />
          </>
        )}
        <CommandLine line={`notebook token ${quote(name)}`} />
      </div>
    </Panel>
  )
}

function Packages({ notebook }: { notebook: Notebook }): ReactNode {
  const { id, name, state, rebuilds } = notebook
  const rebuild = useAction({
    run: () => client.notebook.rebuild({ notebook: id }),
    done: () => 'The next start makes the environment anew',
    changes: ['notebook'],
  })
  const isStopped = (notebookCan.rebuild as readonly string[]).includes(state)
  return (
    <Panel
      title="Packages"
      actions={
        <Button
          disabled={!isStopped || rebuilds}
          title={isStopped ? undefined : 'Stop it first.'}
          loading={rebuild.pending}
          onClick={() => void rebuild.run(undefined)}
        >
          {rebuilds ? 'Made anew at the next start' : 'Make anew'}
        </Button>
      }
    >
      <div className="stack">
        <p className="muted">
          What is installed with <code>pip install</code> in the notebook stays. If it is broken, the environment can be
          made anew, of the packages that were asked for.
        </p>
        <CommandLine line={`notebook packages ${quote(name)}`} />
      </div>
    </Panel>
  )
}
