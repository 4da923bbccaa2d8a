import type { createExperiment, Experiment } from '@nabla/api/experiment'
import { searchSettings } from '@nabla/api/search'
import { parameter, type Parameter, spaceFaults } from '@nabla/api/search-space'
import { workspaceSource } from '@nabla/api/workspace'
import type { SpaceInput } from '@nabla/api/param-text'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { z } from 'zod'
import { useSchemaForm } from '../../parts/form.ts'
import { readKept, writeKept } from '../../parts/kept.ts'
import { toast } from '../../parts/toast.ts'
import { useUrlState } from '../../parts/url-state.ts'
import { withoutDefaults } from '../experiment/experiment-document.ts'
import { useSubmitExperiment } from '../experiment/use-submit-experiment.ts'
import { type JobFields, jobFields } from '../job/job-form-body.ts'
import { useJobFiles } from '../job/job-form-files.ts'
import { emptyRow, rowProblem, rowsOfSpace, type SpaceRow, spaceOfRows } from './space-rows.ts'
import { type SearchInput, sweepLine } from './sweep-line.ts'

const { command: jobCommand, ...common } = jobFields.shape

/** Fields of the form but its files and its search. Without a command programs elsewhere take trials. */
const sweepFields = z.object({ ...common, command: jobCommand.optional(), note: z.string().max(100_000).default('') })

type Fields = Partial<z.input<typeof sweepFields>>

/** What of a search is not its space. */
export type SearchFields = SearchInput & { objectives: { metric: string; direction: 'minimize' | 'maximize' }[] }

const usualSearch: SearchFields = { objectives: [{ metric: '', direction: 'minimize' }], trials: 50, parallel: 1 }

/** The state of the builder: its fields, its rows, its files, the same as a document, and what sends it. */
export function useSweepForm(clone: Experiment | undefined, warm: boolean) {
  const [project] = useUrlState('project')
  const [command] = useUrlState('command')
  const [begin] = useState(() => beginOf(clone, warm))
  const form = useSchemaForm(sweepFields, {
    ...(command && { command }),
    ...begin.fields,
    project: begin.fields.project ?? (project || readKept('project', 'default')),
  })
  const [rows, setRows] = useState<readonly SpaceRow[]>(begin.rows)
  const [search, setSearch] = useState<SearchFields>(begin.search)
  const files = useJobFiles(clone ? 'same' : 'nothing')
  const sending = useSubmitExperiment()
  const navigate = useNavigate()
  const [version, setVersion] = useState(0)
  const [tried, setTried] = useState(false)
  const asked = { ...search, space: spaceOfRows(rows) }
  const parsed = searchSettings.safeParse(asked)
  const own = saidOf(form.values)
  const source = files.origin.from === 'git' ? { workspace: files.origin } : {}
  const document = withoutDefaults({ kind: 'sweep', ...own, search: asked, ...source })
  return {
    form,
    rows,
    setRows,
    search,
    setSearch: (change: Partial<SearchFields>) => setSearch((now) => ({ ...now, ...change })),
    files,
    sending,
    version,
    tried,
    issues: issuesOf(parsed, rows, tried),
    document,
    line: files.from === 'same' ? undefined : sweepLine(own as JobFields, asked, files.origin),
    fill(given: Record<string, unknown>) {
      const { kind: _kind, workspace, search: wanted, start: _start, cliCommand: _line, ...fields } = given
      const { space, ...others } = (wanted ?? {}) as SearchInput
      const { project: now = 'default' } = form.values
      form.reset({ project: now, ...(fields as Fields) })
      setRows(rowsOfSpace((space ?? {}) as SpaceInput))
      setSearch({ ...usualSearch, trials: 100, ...others })
      const read = workspaceSource.safeParse(workspace)
      if (read.success && read.data.from === 'git') {
        const { ref, username, password, ...git } = read.data
        const origin = { ...git, ...(ref && { ref }), ...(username && { username }), ...(password && { password }) }
        // oxlint-disable-next-line unicorn/no-array-fill-with-reference-type -- it is no array
        files.fill(origin, [])
      }
      setVersion((before) => before + 1)
    },
    /** Only what is searched. */
    fillSpace: (space: SpaceInput) => setRows(rowsOfSpace(space)),
    async submit(start: boolean) {
      form.showAll()
      setTried(true)
      if (!form.output || !parsed.success || files.problem !== undefined) {
        requestAnimationFrame(showFirstProblem)
        return
      }
      const body = { kind: 'sweep', ...own, search: asked, start } as z.input<typeof createExperiment>
      const made = await sending.submit({ body, files, ...(clone && { clone: clone.id }) })
      if (!made) return
      writeKept('project', made.project.name)
      toast(start ? `Started ${made.name}` : `Saved ${made.name}`)
      void navigate({ to: `/sweeps/${made.id}` as never })
    },
  }
}

function beginOf(clone: Experiment | undefined, warm: boolean) {
  if (clone?.spec.kind !== 'sweep') {
    return { fields: {} as Fields, rows: [emptyRow()], search: usualSearch }
  }
  const { kind: _kind, workspace: _workspace, search, ...fields } = clone.spec
  const { space, ...others } = search
  return {
    fields: { ...(fields as Fields), project: clone.project.name, tags: clone.tags, note: clone.note },
    rows: rowsOfSpace(space),
    search: { ...others, ...(warm && { warmStart: [clone.id], seed: others.seed + 1 }) } as SearchFields,
  }
}

const saidOf = (values: Fields): Fields & { project: string } =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never

/** What is wrong, by where it is shown. */
export interface SearchIssues {
  /** By the key of the row. */
  rows: ReadonlyMap<number, string>
  space: string | undefined
  /** By the place of the objective. */
  objectives: ReadonlyMap<number, string>
  /** By the name of the field; `objectives` is about all of them. */
  fields: Readonly<Record<string, string | undefined>>
}

function issuesOf(
  parsed: ReturnType<typeof searchSettings.safeParse>,
  rows: readonly SpaceRow[],
  tried: boolean,
): SearchIssues {
  const space = Object.entries(spaceOfRows(rows))
  const valid = space.flatMap(([name, given]) => {
    const read = parameter.safeParse(given)
    return read.success ? [[name, read.data] as const] : []
  })
  const faults = new Map(
    spaceFaults(Object.fromEntries<Parameter>(valid)).map(({ path, message }) => [path[0], message]),
  )
  const ofRows = rows.flatMap((row): [number, string][] => {
    const missing = tried && !valid.some(([name]) => name === row.name) ? whatIsMissing(row) : undefined
    const problem = rowProblem(row, rows) ?? faults.get(row.name) ?? missing
    return problem === undefined ? [] : [[row.key, problem]]
  })
  const issues = parsed.success ? [] : parsed.error.issues
  const objectives = new Map<number, string>()
  const fields: Record<string, string> = {}
  for (const { path, message } of issues) {
    const [first, second] = path
    if (first === 'objectives' && typeof second === 'number') {
      if (tried) objectives.set(second, 'Name the metric that the program logs.')
    } else if (first !== undefined && first !== 'space') fields[String(first)] ??= message
  }
  const isEmpty = tried && rows.every(({ name }) => name === '')
  return { rows: new Map(ofRows), space: isEmpty ? 'Name at least one parameter.' : undefined, objectives, fields }
}

function whatIsMissing({ name, type }: SpaceRow): string {
  if (name === '') return 'It has no name.'
  if (!/^[A-Za-z_][A-Za-z0-9_.-]*$/.test(name))
    return 'A name has letters, digits, `_`, `.` and `-`, and begins with a letter.'
  if (type === 'choice') return 'Write its values, with commas between.'
  if (type === 'normal') return 'Write its mean, and a deviation above 0.'
  return type === 'int' ? 'Write its ends, in whole numbers.' : 'Write both of its ends.'
}

/** Brings the first field with something wrong into sight. */
function showFirstProblem(): void {
  const field = document.querySelector<HTMLElement>('#sweep-form [aria-invalid=true], #sweep-form .error-text')
  field?.focus()
  field?.scrollIntoView({ block: 'center' })
}
