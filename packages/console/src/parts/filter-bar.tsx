import { Menu, TextInput, UnstyledButton } from '@mantine/core'
import { type ReactNode, useEffect, useRef, useState } from 'react'
import { Icon } from './icon.tsx'
import { useSetUrlSearch, useUrlSearch } from './url-state.ts'
import './filter-bar.css'

export interface Filter {
  /** Its word in the address, and in what is passed on to the API: `state`. */
  key: string
  label: string
  /** What it can be; without, any word can be typed: `tag:paper`. */
  options?: readonly { value: string; label: string }[]
  /** It is shown by something else on the page, and has no chip here. */
  elsewhere?: boolean
}

export interface FilterBarProps {
  /** What the search field looks in: `name`. Without it there is none. */
  searchKey?: string
  placeholder?: string
  filters?: readonly Filter[]
  /** At the right: columns, counts. */
  children?: ReactNode
}

/**
 * One search field and a chip for each filter that is set, all kept in the address. In the field `key:value` sets a
 * filter, `/` goes to it.
 */
export function FilterBar({ searchKey, placeholder, filters = [], children }: FilterBarProps): ReactNode {
  const search = useUrlSearch()
  const setSearch = useSetUrlSearch()
  const set = filters.filter(({ key, elsewhere }) => search[key] !== undefined && !elsewhere)
  const open = filters.filter(({ key, options }) => options && search[key] === undefined)
  return (
    <div className="filter-bar" role="search">
      {(searchKey !== undefined || filters.length > 0) && (
        <SearchField searchKey={searchKey} placeholder={placeholder} filters={filters} />
      )}
      {set.map(({ key, label, options }) => {
        const value = String(search[key])
        const shown = options?.find((option) => option.value === value)?.label ?? value
        return (
          <span key={key} className="chip">
            <span className="faint">{label}</span> {shown}
            <UnstyledButton
              onClick={() => setSearch({ [key]: undefined })}
              aria-label={`Remove filter ${label} ${shown}`}
            >
              <Icon name="close" size={12} />
            </UnstyledButton>
          </span>
        )
      })}
      {open.map(({ key, label, options = [] }) => (
        <Menu key={key} position="bottom-start">
          <Menu.Target>
            <UnstyledButton className="chip chip-open">
              <Icon name="plus" size={12} /> {label}
            </UnstyledButton>
          </Menu.Target>
          <Menu.Dropdown>
            {options.map((option) => (
              <Menu.Item key={option.value} onClick={() => setSearch({ [key]: option.value })}>
                {option.label}
              </Menu.Item>
            ))}
          </Menu.Dropdown>
        </Menu>
      ))}
      <div className="grow" />
      {children}
    </div>
  )
}

function SearchField(props: {
  searchKey: string | undefined
  placeholder: string | undefined
  filters: readonly Filter[]
}) {
  const { searchKey, filters, placeholder = 'Search' } = props
  const search = useUrlSearch()
  const setSearch = useSetUrlSearch()
  const kept = searchKey === undefined ? '' : String(search[searchKey] ?? '')
  const [typed, setTyped] = useState(kept)
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  useEffect(() => setTyped(kept), [kept])
  useEffect(() => () => clearTimeout(timer.current), [])
  const apply = (text: string, sure: boolean) => {
    const { change, rest } = readFilters(text, filters, sure)
    if (Object.keys(change).length > 0) setTyped(rest)
    setSearch(searchKey === undefined ? change : { ...change, [searchKey]: rest.trim() || undefined })
  }
  return (
    <TextInput
      className="filter-field"
      type="search"
      aria-label={placeholder}
      placeholder={placeholder}
      leftSection={<Icon name="search" size={14} />}
      value={typed}
      onChange={({ currentTarget: { value } }) => {
        setTyped(value)
        clearTimeout(timer.current)
        timer.current = setTimeout(() => apply(value, false), 200)
      }}
      onKeyDown={(event) => {
        if (event.key === 'Escape') event.currentTarget.blur()
        if (event.key !== 'Enter') return
        clearTimeout(timer.current)
        apply(typed, true)
      }}
    />
  )
}

/** Takes `key:value` out of what was typed; the last word counts only once it is finished. */
function readFilters(text: string, filters: readonly Filter[], sure: boolean) {
  const change: Record<string, string> = {}
  const words = text.split(' ')
  const rest = words.filter((word, index) => {
    const colon = word.indexOf(':')
    const key = word.slice(0, colon)
    const finished = sure || index < words.length - 1
    if (colon < 1 || colon === word.length - 1 || !finished || !filters.some((one) => one.key === key)) return true
    change[key] = word.slice(colon + 1)
    return false
  })
  return { change, rest: rest.join(' ') }
}
