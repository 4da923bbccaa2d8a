import type { ContentLink } from '@nabla/api/content'
import type { FileEntry } from '@nabla/api/file'
import { Button } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { type ReactNode, useEffect, useMemo, useState } from 'react'
import type { ApiError } from '@nabla/api/client'
import { JsonTree } from './file-json.tsx'
import { type FileKind, isText, kindOfFile, parseFrame, parseLines, parseTable, readableName } from './file-kind.ts'
import { Notebook } from './file-notebook.tsx'
import { TableRows, TextLines } from './file-text.tsx'
import type { FileSource } from './file-browser.tsx'
import { formatBytes, formatCount } from './format.ts'
import { EmptyState, Loaded } from './states.tsx'

/** How much of a file is read for its preview, by its kind. */
const readBytes: Partial<Record<FileKind, number>> = { table: 4e6, lines: 4e6, json: 4e6, notebook: 32e6 }
const readTextBytes = 1024 * 1024
const mostRows = 10_000
/** Pictures that are fetched as a whole, where there is no other origin to show them from. */
const pictureBytes = 20e6

/** A file as it can be looked at, without anything in it ever running. */
export function FilePreview({ source, file }: { source: FileSource; file: FileEntry }): ReactNode {
  const kind = kindOfFile(file.path)
  const label = readableName(file.path)
  if (file.sizeBytes === 0) return <EmptyState title="The file is empty." />
  if (kind === 'unknown') return <NotShown source={source} file={file} />
  if (kind === 'image' && !source.view) return <FetchedPicture source={source} file={file} />
  if (kind === 'image' || kind === 'audio' || kind === 'video') return <Shown {...{ source, file, kind, label }} />
  if (kind === 'page' && source.view) return <PagePreview {...{ source, file, label }} />
  return <ReadPreview {...{ source, file, kind, label }} />
}

interface PreviewProps {
  source: FileSource
  file: FileEntry
  label: string
}

/** What browsers show by themselves, from the origin that is there for what users made. */
function Shown({ source, file, kind, label }: PreviewProps & { kind: FileKind }): ReactNode {
  const link = useLink(source, file)
  if (!source.view) return <NotShown source={source} file={file} />
  return (
    <Loaded query={link} lines={3}>
      {({ url }) =>
        kind === 'image' ? (
          <div className="file-picture">
            <img src={url} alt={label} />
          </div>
        ) : kind === 'audio' ? (
          <audio controls src={url} aria-label={label} className="file-media" />
        ) : (
          <video controls src={url} aria-label={label} className="file-media" />
        )
      }
    </Loaded>
  )
}

function PagePreview({ source, file, label }: PreviewProps): ReactNode {
  const [isSource, setSource] = useState(false)
  const link = useLink(source, file)
  return (
    <>
      <div className="row file-note">
        <span className="muted grow">Shown without its scripts.</span>
        <Button size="compact-xs" onClick={() => setSource(!isSource)}>
          {isSource ? 'As a page' : 'As text'}
        </Button>
      </div>
      {isSource ? (
        <ReadPreview {...{ source, file, label }} kind="text" />
      ) : (
        <Loaded query={link} lines={3}>
          {({ url }) => (
            <iframe src={url} sandbox="" referrerPolicy="no-referrer" title={label} className="file-frame" />
          )}
        </Loaded>
      )}
    </>
  )
}

/** An address is good for ten minutes; it is asked for again before it ends. */
function useLink(source: FileSource, file: FileEntry) {
  return useQuery<ContentLink, ApiError>({
    queryKey: ['content', ...source.key, file.path, file.modifiedAt],
    queryFn: () => source.view!(file.path),
    enabled: source.view !== undefined,
    staleTime: 8 * 60_000,
    gcTime: 0,
  })
}

function FetchedPicture({ source, file }: { source: FileSource; file: FileEntry }): ReactNode {
  const [url, setUrl] = useState<string>()
  const query = useQuery<Blob, ApiError>({
    queryKey: ['picture', ...source.key, file.path, file.modifiedAt],
    queryFn: async ({ signal }) => {
      const bytes = await (await source.read(file.path, pictureBytes, signal)).arrayBuffer()
      return new Blob([bytes], { type: file.path.toLowerCase().endsWith('.svg') ? 'image/svg+xml' : 'image/*' })
    },
    enabled: file.sizeBytes <= pictureBytes,
    gcTime: 0,
  })
  useEffect(() => {
    if (!query.data) return
    const made = URL.createObjectURL(query.data)
    setUrl(made)
    return () => URL.revokeObjectURL(made)
  }, [query.data])
  if (file.sizeBytes > pictureBytes) return <NotShown source={source} file={file} />
  return (
    <Loaded query={query} lines={3}>
      {() => <div className="file-picture">{url && <img src={url} alt={readableName(file.path)} />}</div>}
    </Loaded>
  )
}

/** What is read here and drawn as text. */
function ReadPreview({ source, file, kind, label }: PreviewProps & { kind: FileKind }): ReactNode {
  const most = readBytes[kind] ?? readTextBytes
  const query = useQuery<{ bytes: Uint8Array }, ApiError>({
    queryKey: ['text', ...source.key, file.path, file.modifiedAt, most],
    queryFn: async ({ signal }) => ({
      bytes: new Uint8Array(await (await source.read(file.path, most, signal)).arrayBuffer()),
    }),
    gcTime: 0,
  })
  return (
    <Loaded query={query} lines={8}>
      {({ bytes }) => <Read {...{ source, file, kind, label, bytes }} isCut={bytes.length < file.sizeBytes} />}
    </Loaded>
  )
}

interface ReadProps extends PreviewProps {
  kind: FileKind
  bytes: Uint8Array
  isCut: boolean
}

function Read({ source, file, kind, label, bytes, isCut }: ReadProps): ReactNode {
  const text = useMemo(() => (isText(bytes) ? new TextDecoder().decode(bytes) : undefined), [bytes])
  const content = useMemo(
    () => (text === undefined ? undefined : parse(kind, file.path, text, isCut)),
    [kind, file, text, isCut],
  )
  if (text === undefined || !content) return <NotShown source={source} file={file} />
  return (
    <>
      {content.note !== undefined && <p className="muted file-note">{content.note}</p>}
      {content.is === 'table' ? (
        <TableRows rows={content.rows} label={label} />
      ) : content.is === 'tree' ? (
        <div className="file-box file-json" tabIndex={0} role="region" aria-label={label}>
          <JsonTree value={content.value} open />
        </div>
      ) : content.is === 'notebook' ? (
        <Notebook value={content.value} />
      ) : (
        <TextLines text={text} label={label} />
      )}
    </>
  )
}

type Parsed = { note?: string } & (
  | { is: 'text' }
  | { is: 'table'; rows: string[][] }
  | { is: 'tree' | 'notebook'; value: unknown }
)

function parse(kind: FileKind, path: string, text: string, isCut: boolean): Parsed {
  if (kind === 'table' || kind === 'lines') {
    const separator = path.toLowerCase().endsWith('.tsv') ? '\t' : ','
    const rows = kind === 'lines' ? parseLines(text, mostRows, isCut) : parseTable(text, separator, mostRows + 1, isCut)
    const cut = isCut || rows.length > mostRows
    return { is: 'table', rows, ...(cut && { note: `The first ${formatCount(rows.length - 1)} rows.` }) }
  }
  if ((kind === 'json' || kind === 'notebook') && !isCut) {
    try {
      const value: unknown = JSON.parse(text)
      const rows = kind === 'json' ? parseFrame(value, mostRows) : undefined
      if (rows) return { is: 'table', rows }
      return { is: kind === 'json' ? 'tree' : 'notebook', value }
    } catch {
      return { is: 'text', note: 'It is no whole JSON, so it is shown as text.' }
    }
  }
  return { is: 'text', ...(isCut && { note: `The first ${formatBytes(text.length)}.` }) }
}

function NotShown({ source, file }: { source: FileSource; file: FileEntry }): ReactNode {
  return (
    <EmptyState
      title="This kind of file is not shown here."
      action={
        <Button component="a" href={source.fileUrl(file.path)} download>
          Download {formatBytes(file.sizeBytes)}
        </Button>
      }
    />
  )
}
