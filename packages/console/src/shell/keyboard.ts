import { useNavigate } from '@tanstack/react-router'
import { useEffect, useRef } from 'react'
import { places } from './places.ts'

/** Keys that work on every page, as `?` lists them. */
export const keys: readonly (readonly [string, string])[] = [
  ['⌘ K  or  Ctrl K', 'Find anything, do anything'],
  ['/', 'Search this page, or everything'],
  ['?', 'This list'],
  ...places.map(({ key, label }) => [`g  ${key}`, `Go to ${label}`] as const),
  ['j  k', 'Next row, row before'],
  ['enter', 'Open the row'],
  ['x', 'Select the row'],
  ['.', 'What can be done with the row'],
  ['esc', 'Close, or clear the selection'],
]

/** A second key counts with the first for this long. */
const togetherMs = 1000

/** Listens for the keys of the shell; none of them counts while somebody types. */
export function useKeyboard(given: { openPalette: () => void; openHelp: () => void }): void {
  const navigate = useNavigate()
  const latest = useRef(given)
  latest.current = given
  useEffect(() => {
    let went: ReturnType<typeof setTimeout> | undefined
    const listen = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() === 'k' && (event.metaKey || event.ctrlKey) && !event.shiftKey) {
        event.preventDefault()
        latest.current.openPalette()
        return
      }
      if (event.metaKey || event.ctrlKey || event.altKey || isTyping(event.target)) return
      const place = went === undefined ? undefined : places.find(({ key }) => key === event.key)
      clearTimeout(went)
      went = undefined
      if (place) void navigate({ to: place.to as never })
      else if (event.key === 'g') went = setTimeout(() => (went = undefined), togetherMs)
      else if (event.key === '?') latest.current.openHelp()
      else if (event.key === '/') focusSearch(latest.current.openPalette)
      else return
      event.preventDefault()
    }
    document.addEventListener('keydown', listen)
    return () => {
      clearTimeout(went)
      document.removeEventListener('keydown', listen)
    }
  }, [navigate])
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false
  return target.isContentEditable || target.closest('input:not([type=checkbox]),textarea,select,[role=dialog]') !== null
}

function focusSearch(otherwise: () => void): void {
  const field = document.querySelector<HTMLElement>('[role=search] input')
  if (field) field.focus()
  else otherwise()
}
