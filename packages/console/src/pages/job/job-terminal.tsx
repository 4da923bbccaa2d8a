import { Button } from '@mantine/core'
import type { Job } from '@nabla/api/job'
import { FitAddon } from '@xterm/addon-fit'
import { Terminal } from '@xterm/xterm'
import '@xterm/xterm/css/xterm.css'
import { type ReactNode, useEffect, useRef, useState } from 'react'
import { CommandLine } from '../../parts/copy.tsx'
import { EmptyState } from '../../parts/states.tsx'
import { openTerminalSession, type TerminalState } from './terminal-session.ts'
import { allowTerminalStyles, terminalTheme } from './terminal-styles.ts'
import './job-terminal.css'

type Session = ReturnType<typeof openTerminalSession>

/** A shell inside a running job. */
export function JobTerminal({ job }: { job: Job }): ReactNode {
  if (job.state !== 'running') {
    return <EmptyState title="A terminal opens inside a job while it runs." command={`exec ${job.id}`} />
  }
  return <RunningTerminal job={job.id} />
}

function RunningTerminal({ job }: { job: string }): ReactNode {
  const place = useRef<HTMLDivElement>(null)
  const session = useRef<Session>(undefined)
  const leave = useRef<HTMLButtonElement>(null)
  const [state, setState] = useState<TerminalState>({ is: 'connecting' })
  useEffect(() => {
    const { session: opened, close } = draw(place.current!, job, setState, () => leave.current?.focus())
    session.current = opened
    return close
  }, [job])
  const isOver = state.is === 'ended' || state.is === 'failed'
  return (
    <div className="terminal panel">
      <div className="terminal-bar">
        <span role="status">{words(state)}</span>
        <span className="terminal-hint muted">Ctrl+Shift+E leaves the terminal</span>
        <Button
          ref={leave}
          size="compact-sm"
          variant="default"
          onClick={() => (isOver ? session.current?.again() : session.current?.end())}
        >
          {isOver ? 'New shell' : 'End'}
        </Button>
      </div>
      <div ref={place} className="terminal-place" role="region" aria-label="Terminal" />
      <div className="terminal-line">
        <CommandLine line={`exec ${job}`} />
      </div>
    </div>
  )
}

function words(state: TerminalState): string {
  if (state.is === 'ended')
    return state.code === 0 ? 'The shell has ended.' : `The shell ended with exit code ${state.code}.`
  if (state.is === 'failed') return `${state.message} ${state.hint}`
  return { connecting: 'Connecting…', running: 'Connected', lost: 'The connection is lost; trying again…' }[state.is]
}

/** Puts a terminal into an element and joins it to a shell. Returns what lets go of both. */
function draw(place: HTMLElement, job: string, onState: (state: TerminalState) => void, leave: () => void) {
  const forbid = allowTerminalStyles()
  const { fontFamily } = getComputedStyle(document.documentElement)
  const terminal = new Terminal({
    fontFamily: getComputedStyle(document.documentElement).getPropertyValue('--font-mono') || fontFamily,
    fontSize: 13,
    cursorBlink: !matchMedia('(prefers-reduced-motion: reduce)').matches,
    scrollback: 5000,
    theme: terminalTheme(),
    minimumContrastRatio: 4.5,
  })
  const fit = new FitAddon()
  terminal.loadAddon(fit)
  terminal.open(place)
  fit.fit()
  const session = openTerminalSession({
    job,
    size: () => ({ columns: terminal.cols, rows: terminal.rows }),
    onOutput: (bytes) => terminal.write(bytes),
    onState: (state) => {
      onState(state)
      terminal.options.disableStdin = state.is !== 'running'
    },
  })
  terminal.onData(session.send)
  terminal.onResize(session.resize)
  // Tab belongs to the shell, so there is another way out for whoever has no mouse.
  terminal.attachCustomKeyEventHandler((event) => {
    if (!(event.ctrlKey && event.shiftKey && event.code === 'KeyE')) return true
    if (event.type === 'keydown') leave()
    event.preventDefault()
    return false
  })
  const sized = new ResizeObserver(() => fit.fit())
  sized.observe(place)
  const themed = new MutationObserver(() => {
    terminal.options.theme = terminalTheme()
  })
  themed.observe(document.documentElement, { attributes: true, attributeFilter: ['data-mantine-color-scheme'] })
  terminal.focus()
  return {
    session,
    close() {
      sized.disconnect()
      themed.disconnect()
      session.close()
      terminal.dispose()
      forbid()
    },
  }
}
