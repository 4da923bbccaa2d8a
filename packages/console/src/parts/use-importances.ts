import type { Table } from '@nabla/api/forest'
import { type Importance, importances } from '@nabla/api/importance'
import { useEffect, useState } from 'react'
import { now } from '../clock.ts'

/** With fewer rows a forest knows nothing. */
export const fewestRows = 8

/** Time of one turn: the page stays quick in between. */
const turnMs = 12

/** How much each column says about the target, by its place; undefined until it is known. `done` is from 0 to 1. */
export function useImportances(table: Table): { found: Importance[] | undefined; done: number } {
  const [state, setState] = useState<{ found: Importance[] | undefined; done: number }>({ found: undefined, done: 0 })
  useEffect(() => {
    setState({ found: undefined, done: 0 })
    if (table.target.length < fewestRows) return
    const work = importances(table)
    let timer: ReturnType<typeof setTimeout> | undefined
    const turn = () => {
      const end = now() + turnMs
      for (;;) {
        const next = work.next()
        if (next.done) return setState({ found: next.value, done: 1 })
        if (now() < end) continue
        setState({ found: undefined, done: next.value })
        timer = setTimeout(turn, 0)
        return
      }
    }
    timer = setTimeout(turn, 0)
    return () => clearTimeout(timer)
  }, [table])
  return state
}
