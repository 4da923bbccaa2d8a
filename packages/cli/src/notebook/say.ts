import type { Notebook, NotebookSummary } from '@nabla/api/notebook'
import type { Context } from '../context.ts'
import { quoteWord } from '../quote.ts'
import { formatAgo, formatDuration, formatTime } from '../terminal/format.ts'
import type { Column } from '../terminal/table.ts'
import { signOf, styleOf } from './words.ts'

/** Says that a notebook was made or started: its name goes to standard output. */
export async function sayNotebook({ out }: Context, notebook: Notebook): Promise<void> {
  if (out.json) {
    await out.value(notebook)
    return
  }
  const { name, id, state } = notebook
  await out.line(`${name}  ${out.style('dim', id)}`)
  const next = state === 'stopped' ? 'Start it with: nabla notebook start' : 'Open it with: nabla notebook open'
  out.note(out.styleNote('dim', `${next} ${quoteWord(name)}`))
}

/** Everything about one notebook, for a person. */
export async function showNotebook({ io, out }: Context, notebook: Notebook): Promise<void> {
  const { spec, state, activity } = notebook
  const now = io.now()
  const fields: [string, string | null | undefined][] = [
    ['name', out.style('bold', notebook.name)],
    ['id', notebook.id],
    ['project', notebook.project.name],
    ['state', out.style(styleOf(state), `${signOf(state)} ${state}`)],
    ['reason', notebook.reason],
    ['waits', notebook.queue ? `place ${notebook.queue.position}: ${notebook.queue.why}` : undefined],
    ['machine type', notebook.machineType],
    ['image', spec.image],
    ['address', notebook.address],
    ['packages', spec.packages.join('\n')],
    [
      'variables',
      Object.entries(spec.env)
        .map(([name, value]) => `${name}=${value}`)
        .join('\n'),
    ],
    ['kernels', activity ? `${activity.kernels}, ${activity.busyKernels} busy` : undefined],
    ['used', notebook.lastActivityAt === null ? undefined : formatAgo(notebook.lastActivityAt, now)],
    [
      'stops',
      notebook.stopsAt === null ? undefined : `${formatTime(notebook.stopsAt)} (${untilText(notebook.stopsAt, now)})`,
    ],
    ['idle limit', limitText(spec.idleLimitSeconds)],
    ['time limit', limitText(spec.timeLimitSeconds)],
    ['sessions', String(notebook.session)],
    ['saved version', notebook.savedVersion === null ? undefined : String(notebook.savedVersion)],
    ['shared as', notebook.share],
    ['tags', notebook.tags.join(', ')],
    ['fork of', notebook.parentNotebookId],
    ['from job', notebook.fromJobId],
    [
      'created',
      `${formatTime(notebook.createdAt)} by ${notebook.createdBy.name} (${formatAgo(notebook.createdAt, now)})`,
    ],
    ['started', notebook.startedAt === null ? undefined : formatTime(notebook.startedAt)],
    ['ended', notebook.endedAt === null ? undefined : formatTime(notebook.endedAt)],
  ]
  await out.fields(fields.filter((field): field is [string, string] => Boolean(field[1])))
  if (notebook.phases.length === 0) return
  await out.line()
  await out.table(notebook.phases, phaseColumns(now))
}

const limitText = (seconds: number | null): string => (seconds === null ? 'none' : formatDuration(seconds * 1000))

const untilText = (time: string, now: number): string => {
  const leftMs = Date.parse(time) - now
  return leftMs > 0 ? `in ${formatDuration(leftMs)}` : 'now'
}

const phaseColumns = (now: number): Column<Notebook['phases'][number]>[] => [
  { title: 'PHASE', rank: 0, value: ({ name }) => name },
  {
    title: 'TOOK',
    rank: 1,
    align: 'right',
    value: ({ startedAt, endedAt }) =>
      formatDuration((endedAt === null ? now : Date.parse(endedAt)) - Date.parse(startedAt)),
  },
]

/** The columns of the list. */
export function notebookColumns({ io, out }: Context): Column<NotebookSummary>[] {
  const now = io.now()
  return [
    { title: 'NAME', rank: 0, shrinkTo: 12, value: ({ name }) => name },
    {
      title: 'STATE',
      rank: 0,
      value: ({ state }) => `${signOf(state)} ${state}`,
      paint: (text, { state }) => out.style(styleOf(state), text),
    },
    { title: 'PROJECT', rank: 3, shrinkTo: 10, value: ({ project }) => project.name },
    { title: 'MACHINE', rank: 4, value: ({ machineType }) => machineType },
    {
      title: 'USED',
      rank: 2,
      value: ({ lastActivityAt }) => (lastActivityAt === null ? '–' : formatAgo(lastActivityAt, now)),
    },
    { title: 'STOPS', rank: 5, value: ({ stopsAt }) => (stopsAt === null ? '–' : untilText(stopsAt, now)) },
    { title: 'SESSIONS', rank: 6, align: 'right', value: ({ session }) => String(session) },
    { title: 'CREATED', rank: 1, value: ({ createdAt }) => formatAgo(createdAt, now) },
  ]
}
