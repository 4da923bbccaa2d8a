import { Button } from '@mantine/core'
import type { ReactNode } from 'react'
import { quote } from './quote.ts'
import { EmptyState } from './states.tsx'
import { useSetUrlSearch, useUrlSearch } from './url-state.ts'

/**
 * A list that is empty because of its filters: the line that asks for the same, and a button that takes the filters away.
 */
export function NothingLikeThat(props: {
  /** Of one of them, as in `No job is like that.` */
  noun: string
  /** Without flags: `job list`. */
  command: string
  /** The words of its filters in the address. */
  keys: readonly string[]
  /** Those that the command has flags for; all of them if left out. */
  flags?: readonly string[]
}): ReactNode {
  const { noun, command, keys, flags = keys } = props
  const search = useUrlSearch()
  const setSearch = useSetUrlSearch()
  const given = flags.flatMap((key) => [search[key] ?? []].flat().map((word) => ` --${key} ${quote(word)}`))
  return (
    <EmptyState
      title={`No ${noun} is like that.`}
      command={command + given.join('')}
      action={
        <Button onClick={() => setSearch(Object.fromEntries(keys.map((key) => [key, undefined])))}>
          Show all {noun}s
        </Button>
      }
    />
  )
}
