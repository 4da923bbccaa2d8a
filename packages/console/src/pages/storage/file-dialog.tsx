import { Button } from '@mantine/core'
import { lazy, type ReactNode, Suspense, useState } from 'react'
import { client } from '../../api/client.ts'
import { useAction } from '../../parts/action.ts'
import { ActionsMenu } from '../../parts/actions-menu.tsx'
import { Bytes, RelativeTime } from '../../parts/amount.tsx'
import { CommandLine, CopyId } from '../../parts/copy.tsx'
import { Dialog } from '../../parts/dialog.tsx'
import type { FileSource } from '../../parts/file-browser.tsx'
import { Icon } from '../../parts/icon.tsx'
import { Facts } from '../../parts/page-header.tsx'
import { quote } from '../../parts/quote.ts'
import { Lines, Loaded } from '../../parts/states.tsx'
import { useEntry } from './entry.ts'
import { fileAddress, nameOf } from './paths.ts'
import { entryActions } from './storage-files.tsx'
import type { Asked } from './storage-dialogs.tsx'

import '../../parts/file-browser.css'

const FilePreview = lazy(() =>
  import('../../parts/file-preview.tsx').then(({ FilePreview }) => ({ default: FilePreview })),
)

const storageSource: FileSource = {
  noun: 'storage',
  key: ['storage'],
  list: ({ path, ...page }, options) => client.storage.list({ path, ...page }, options),
  read: (path, bytes, signal) =>
    client.storage.get({ path }, { signal, headers: { range: `bytes=0-${Math.max(0, bytes - 1)}` } }),
  fileUrl: fileAddress,
  view: (path) => client.storage.open({ body: { path } }),
}

/** One file over the page: what it is, what it looks like, and what can be done with it. */
export function FileDialog(props: { path: string; ask: (asked: Asked) => void; onClose: () => void }): ReactNode {
  const { path, ask, onClose } = props
  const found = useEntry(path)
  const askAfter = (asked: Asked) => {
    onClose()
    ask(asked)
  }
  return (
    <Dialog title={nameOf(path)} onClose={onClose} size={920}>
      <Loaded query={found} lines={3}>
        {(entry) => (
          <div className="stack">
            <div className="row file-head">
              <Facts
                facts={[
                  ['Size', <Bytes key="size" bytes={entry.sizeBytes} />],
                  ['Modified', <RelativeTime key="modified" time={entry.modifiedAt} />],
                  ['In jobs', <CopyId key="path" value={`/storage/${path}`} />],
                  ['SHA-256', <Digest key="digest" path={path} />],
                ]}
              />
              <Button
                component="a"
                href={fileAddress(path)}
                variant="filled"
                leftSection={<Icon name="download" size={14} />}
              >
                Download
              </Button>
              <ActionsMenu actions={entryActions(entry, askAfter).slice(1)} label={`Actions for ${nameOf(path)}`} />
            </div>
            <CommandLine line={`storage get ${quote(path)}`} />
            <Suspense fallback={<Lines count={6} />}>
              <FilePreview key={entry.modifiedAt} source={storageSource} file={entry} />
            </Suspense>
          </div>
        )}
      </Loaded>
    </Dialog>
  )
}

/** The checksum is made when it is asked for: the server may have to read all of the file. */
function Digest({ path }: { path: string }): ReactNode {
  const [digest, setDigest] = useState<string>()
  const make = useAction<void, void>({
    run: async () => setDigest((await client.storage.checksum({ path })).sha256),
  })
  if (digest !== undefined) return <CopyId value={digest} />
  return (
    <Button size="compact-xs" loading={make.pending} onClick={() => void make.run()}>
      Compute
    </Button>
  )
}
