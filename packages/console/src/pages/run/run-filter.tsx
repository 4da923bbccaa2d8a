import { Autocomplete } from '@mantine/core'
import type { ApiError } from '@nabla/api/client'
import { type ReactNode, useEffect, useMemo, useRef, useState } from 'react'
import { Icon } from '../../parts/icon.tsx'
import { Prose } from '../../parts/prose.tsx'
import { completeFilter, filterNames } from './filter-completion.ts'

/**
 * The field for a filter in the language of MLflow's search. It completes names as one types and asks for what it says
 * when enter is pressed, or it is left; what is wrong with it stands below.
 */
export function RunFilter(props: {
  value: string
  onApply: (filter: string) => void
  names: { metrics: readonly string[]; params: readonly string[]; labels: readonly string[] } | undefined
  error: ApiError | null
}): ReactNode {
  const { value, onApply, names, error } = props
  const [typed, setTyped] = useState(value)
  useEffect(() => setTyped(value), [value])
  const input = useRef<HTMLInputElement>(null)
  const all = useMemo(() => filterNames(names ?? { metrics: [], params: [], labels: [] }), [names])
  const found = useMemo(() => completeFilter(typed, all), [typed, all])
  const apply = () => {
    if (typed.trim() !== value) onApply(typed.trim())
  }
  return (
    <div className="run-filter">
      <Autocomplete
        ref={input}
        aria-label="Filter of runs"
        placeholder='metrics.loss < 0.1 and params.model = "cnn"'
        className="mono-field"
        leftSection={<Icon name="filter" size={14} />}
        value={typed}
        onChange={setTyped}
        data={found.map(({ text }) => text)}
        filter={({ options }) => options}
        renderOption={({ option }) => {
          const one = found.find(({ text }) => text === option.value)
          return (
            <span className="run-filter-option mono">
              <span className="ellipsis">{one?.name}</span>
            </span>
          )
        }}
        onKeyDown={(event) => {
          // An option that is chosen with the keys is taken by the list itself.
          const isChoosing = input.current?.getAttribute('aria-activedescendant') != null
          if (event.key === 'Enter' && !isChoosing) event.currentTarget.blur()
        }}
        onBlur={apply}
        error={error && <Prose text={`${error.message} ${error.hint}`} />}
        autoComplete="off"
        spellCheck={false}
        autoCapitalize="off"
      />
    </div>
  )
}
