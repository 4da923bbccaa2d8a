import { useNavigate } from '@tanstack/react-router'
import { type ReactNode, useEffect, useRef, useState } from 'react'
import { CommandLine } from '../parts/copy.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { Icon } from '../parts/icon.tsx'
import { type Entry, findEntries, pageEntries } from './palette-registry.ts'
import { places } from './places.ts'
import './palette.css'

/** Resources are looked for once somebody stops typing for this long. */
const settleMs = 150

/** Finds any resource and does any action that fits this page. */
export function Palette({ onClose }: { onClose: () => void }): ReactNode {
  const navigate = useNavigate()
  const [text, setText] = useState('')
  const [at, setAt] = useState(0)
  const { entries, isLooking } = useEntries(text)
  const chosen = entries[Math.min(at, entries.length - 1)]
  useEffect(() => setAt(0), [text])
  const run = (entry: Entry | undefined) => {
    if (!entry || entry.unavailable !== undefined) return
    onClose()
    if (entry.to !== undefined) void navigate({ to: entry.to as never })
    else entry.run?.()
  }
  const onKeyDown = (event: React.KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (step !== undefined) setAt((at + step + entries.length) % Math.max(1, entries.length))
    else if (event.key === 'Enter') run(chosen)
    else return
    event.preventDefault()
  }
  return (
    <Dialog title="Search or do" onClose={onClose} size={560} bare>
      <div className="palette-field">
        <Icon name="search" />
        <input
          data-autofocus
          role="combobox"
          aria-label="Search or do"
          aria-expanded="true"
          aria-controls="palette-list"
          aria-activedescendant={chosen ? `palette-${entries.indexOf(chosen)}` : undefined}
          placeholder="A project, a job, a page, something to do"
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          onKeyDown={onKeyDown}
          autoComplete="off"
          spellCheck={false}
        />
      </div>
      <Found entries={entries} chosen={chosen} point={setAt} run={run} />
      {entries.length === 0 && <p className="muted palette-none">{isLooking ? 'Looking…' : 'Nothing found.'}</p>}
      <div className="only-heard" aria-live="polite">
        {entries.length} found
      </div>
      {chosen?.command && (
        <div className="palette-foot">
          <CommandLine line={chosen.command} />
        </div>
      )}
    </Dialog>
  )
}

function Found(props: {
  entries: readonly Entry[]
  chosen: Entry | undefined
  point: (place: number) => void
  run: (entry: Entry) => void
}): ReactNode {
  const { entries, chosen, point, run } = props
  const list = useRef<HTMLDivElement>(null)
  useEffect(() => {
    list.current?.querySelector('[aria-selected=true]')?.scrollIntoView({ block: 'nearest' })
  }, [chosen])
  return (
    <div id="palette-list" role="listbox" aria-label="Found" className="palette-list" ref={list}>
      {entries.map((entry, index) => (
        <div key={`${entry.group} ${entry.label} ${index}`}>
          {entry.group !== entries[index - 1]?.group && (
            <div className="palette-group" role="presentation">
              {entry.group}
            </div>
          )}
          <div
            role="option"
            id={`palette-${index}`}
            aria-selected={entry === chosen}
            aria-disabled={entry.unavailable !== undefined}
            className="palette-entry"
            onMouseMove={() => point(index)}
            onClick={() => run(entry)}
          >
            <Icon name={entry.icon ?? 'right'} size={14} />
            <span className="ellipsis" dir="auto">
              {entry.label}
            </span>
            <span className="grow" />
            <span className="faint ellipsis">{entry.unavailable ?? entry.words}</span>
          </div>
        </div>
      ))}
    </div>
  )
}

function useEntries(text: string): { entries: Entry[]; isLooking: boolean } {
  const [{ found, of }, setFound] = useState<{ found: Entry[]; of?: string }>({ found: [] })
  useEffect(() => {
    const control = new AbortController()
    const timer = setTimeout(() => {
      void findEntries(text.trim(), control.signal).then(
        (found) => control.signal.aborted || setFound({ found, of: text }),
      )
    }, settleMs)
    return () => {
      clearTimeout(timer)
      control.abort()
    }
  }, [text])
  const goTo = places.map(({ label, to, icon }): Entry => ({ group: 'Go to', label, icon, to }))
  const here = [...pageEntries(), ...goTo].filter((entry) => matches(entry, text))
  return { entries: [...here, ...found], isLooking: of !== text }
}

/** Every word that was typed is in it somewhere. */
function matches({ label, group, words = '' }: Entry, text: string): boolean {
  const all = `${label} ${group} ${words}`.toLowerCase()
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => all.includes(word))
}
