import type { ApiError } from '@nabla/api/client'
import type { FileEntry } from '@nabla/api/file'
import type { Run } from '@nabla/api/run'
import { useQuery } from '@tanstack/react-query'
import { lazy, type ReactNode, Suspense, useMemo, useState } from 'react'
import { useLiveEvents } from '../../api/live.ts'
import { formatCount } from '../../parts/format.ts'
import type { FileSource } from '../../parts/file-browser.tsx'
import { EmptyState, Lines, Loaded } from '../../parts/states.tsx'
import { findMedia, type MediaSeries, tablesOf } from './media-steps.ts'
import { filesOf } from './run-files.tsx'
import { isHistogram, RunHistogram } from './run-histogram.tsx'
import '../../parts/file-browser.css'

const FilePreview = lazy(() =>
  import('../../parts/file-preview.tsx').then(({ FilePreview }) => ({ default: FilePreview })),
)

/** Files that are looked through. */
const mostFiles = 20_000

/** Pictures, tables and texts that were logged step by step, each with a slider through its steps. */
export function RunMedia({ run, ended }: { run: Run; ended: boolean }): ReactNode {
  const key = run.job?.id ?? run.id
  const source = useMemo(() => filesOf(run), [key])
  const query = useQuery<FileEntry[], ApiError>({
    queryKey: [source.noun, 'media', key],
    queryFn: async ({ signal }) => {
      const files: FileEntry[] = []
      for (let after: string | null = ''; after !== null && files.length < mostFiles;) {
        const page: { items: FileEntry[]; next: string | null } = await source.list(
          { path: '', recursive: 'true', limit: 1000, ...(after !== '' && { after }) },
          { signal },
        )
        files.push(...page.items)
        after = page.next
      }
      return files
    },
  })
  useLiveEvents(({ type }) => {
    if (type.startsWith('artifact.')) void query.refetch()
  })
  const found = useMemo(() => findMedia(query.data ?? [], tablesOf(run), run.id), [query.data, run])
  return (
    <Loaded query={query}>
      {() =>
        found.length === 0 ? (
          <EmptyState
            title={`${ended ? 'It logged no' : 'No'} pictures, tables, texts or histograms by step${ended ? '' : ' yet'}.`}
          >
            Such as <code>mlflow.log_image(image, key="samples", step=3)</code>, what a job writes to event files of
            TensorBoard, or files whose names end in the number of the step.
          </EmptyState>
        ) : (
          <div className="run-media">
            {found.map((series) => (
              <Series key={series.key} source={source} series={series} />
            ))}
          </div>
        )
      }
    </Loaded>
  )
}

function Series({ source, series }: { source: FileSource; series: MediaSeries }): ReactNode {
  const { key, items } = series
  const [chosen, setChosen] = useState<number>()
  // The last one, also when another comes, until somebody chooses.
  const place = Math.min(chosen ?? items.length - 1, items.length - 1)
  const item = items[place]!
  return (
    <section className="panel" aria-label={key}>
      <div className="panel-title">
        <h2 className="ellipsis" dir="auto" title={key}>
          {key}
        </h2>
        <span className="grow" />
        {item.step !== null && <span className="muted number">step {formatCount(item.step)}</span>}
      </div>
      {items.length > 1 && (
        <input
          type="range"
          className="run-media-step"
          aria-label={`Step of ${key}`}
          aria-valuetext={`step ${item.step}`}
          min={0}
          max={items.length - 1}
          value={place}
          onChange={(event) => setChosen(Number(event.currentTarget.value))}
        />
      )}
      <div
        className="panel-body run-media-body"
        tabIndex={0}
        role="region"
        aria-label={item.step === null ? key : `${key} at step ${item.step}`}
      >
        <Suspense fallback={<Lines count={3} />}>
          {isHistogram(item.file) ? (
            <RunHistogram source={source} file={item.file} />
          ) : (
            <FilePreview key={item.file.path} source={source} file={item.file} />
          )}
        </Suspense>
      </div>
    </section>
  )
}
