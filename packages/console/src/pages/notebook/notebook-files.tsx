import type { Notebook } from '@nabla/api/notebook'
import { type ReactNode, useMemo } from 'react'
import { client } from '../../api/client.ts'
import { FileBrowser, type FileSource } from '../../parts/file-browser.tsx'
import { quote } from '../../parts/quote.ts'
import { EmptyState } from '../../parts/states.tsx'

/** The files of a notebook as they are now, also while it is stopped, or those of a version. */
export function NotebookFiles({ notebook, version }: { notebook: Notebook; version?: number }): ReactNode {
  const { id, name } = notebook
  const source = useMemo(() => filesOf(id, name, version), [id, name, version])
  return (
    <FileBrowser
      source={source}
      empty={
        version === undefined ? (
          <EmptyState title="There are no files in /notebooks yet.">
            What you make in JupyterLab appears here, and stays when the notebook stops.
          </EmptyState>
        ) : (
          <EmptyState title="This version has no files." />
        )
      }
    />
  )
}

function filesOf(notebook: string, name: string, version: number | undefined): FileSource {
  const chosen = version === undefined ? {} : { version: String(version) }
  const address = (place: string, query: Record<string, string>) =>
    `/api/v1/notebooks/${encodeURIComponent(notebook)}/${place}?${new URLSearchParams({ ...query, ...chosen })}`
  const flag = version === undefined ? '' : ` --version ${version}`
  return {
    noun: 'notebook',
    key: ['notebook', notebook, String(version ?? 'now')],
    list: (page, options) => client.notebook.files({ notebook, ...chosen, ...page }, options),
    read: (path, bytes, signal) =>
      client.notebook.file({ notebook, ...chosen, path }, { signal, headers: { range: `bytes=0-${bytes - 1}` } }),
    fileUrl: (path) => address('file', { path }),
    archiveUrl: (path) => address('archive', { format: 'zip', ...(path !== '' && { path }) }),
    command: (path) =>
      path === '' ? `notebook files ${quote(name)}${flag}` : `notebook get ${quote(name)} ${quote(path)}${flag}`,
  }
}
