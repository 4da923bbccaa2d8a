import { useParams } from '@tanstack/react-router'
import { type ReactNode, useState } from 'react'
import type { Action } from '../../parts/action.ts'
import { ActionsMenu } from '../../parts/actions-menu.tsx'
import type { Crumb } from '../../parts/page-header.tsx'
import { quote } from '../../parts/quote.ts'
import { Tabs } from '../../parts/tabs.tsx'
import { useUrlState } from '../../parts/url-state.ts'
import { usePaletteActions } from '../../shell/palette-registry.ts'
import { DataHeader } from './data-header.tsx'
import { FileDialog } from './file-dialog.tsx'
import { addressOf, foldersAbove, join, nameOf, zipAddress } from './paths.ts'
import { QuotaBar } from './quota-bar.tsx'
import { type Asked, StorageDialog } from './storage-dialogs.tsx'
import { StorageFiles } from './storage-files.tsx'
import { UploadButton } from './upload-button.tsx'
import { UploadPanel } from './upload-panel.tsx'
import { UploadTarget } from './upload-target.tsx'
import { UsageView } from './usage-view.tsx'
import './storage.css'

/** One folder of the storage of the team: what is in it, what takes the space, and what is on its way into it. */
export function StoragePage(): ReactNode {
  const { _splat = '' } = useParams({ strict: false })
  const path = _splat.replace(/\/+$/, '')
  const [file, setFile] = useUrlState('file', '', { push: true })
  const [asked, setAsked] = useState<Asked>()
  const actions = folderActions(path, setAsked)
  usePaletteActions('Storage', actions)
  return (
    <UploadTarget folder={path}>
      <DataHeader
        place="storage"
        title={path === '' ? 'Storage' : nameOf(path)}
        above={crumbsOf(path)}
        actions={
          <>
            <UploadButton folder={path} />
            <ActionsMenu actions={actions} label="Actions for this folder" />
          </>
        }
      >
        <QuotaBar />
      </DataHeader>
      <UploadPanel />
      <Tabs
        label="Storage"
        name="view"
        tabs={[
          { id: 'files', label: 'Files', content: () => <StorageFiles folder={path} ask={setAsked} /> },
          { id: 'usage', label: 'Usage', content: () => <UsageView folder={path} /> },
        ]}
      />
      {asked && <StorageDialog asked={asked} onClose={() => setAsked(undefined)} />}
      {file !== '' && <FileDialog path={join(path, file)} ask={setAsked} onClose={() => setFile('')} />}
    </UploadTarget>
  )
}

function folderActions(path: string, ask: (asked: Asked) => void): Action[] {
  const here = path === '' ? '' : ` ${quote(path)}`
  return [
    {
      label: 'New folder',
      icon: 'plus',
      command: `storage mkdir ${path === '' ? 'NAME' : quote(join(path, 'NAME'))}`,
      run: () => ask({ ask: 'folder', folder: path }),
    },
    {
      label: 'Download as zip',
      icon: 'download',
      command: `storage get${here || ' PATH'}`,
      run: () => window.location.assign(zipAddress([path])),
    },
  ]
}

/** Folders above this one that are named; those between are reached from them. */
const mostCrumbs = 4

function crumbsOf(path: string): Crumb[] {
  if (path === '') return []
  const above = foldersAbove(path).map((folder) => ({ label: nameOf(folder), to: addressOf(folder) }))
  const left = above.length > mostCrumbs ? above.slice(0, above.length - mostCrumbs + 1) : []
  const hidden = left.at(-1)
  return [
    { label: 'Storage', to: '/data/storage' },
    ...(hidden ? [{ label: '…', to: hidden.to }] : []),
    ...above.slice(left.length),
  ]
}
