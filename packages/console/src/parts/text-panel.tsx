import { Button, SegmentedControl, Textarea } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import { CommandLine, UnbrokenWords, useCopy } from './copy.tsx'
import { Dialog } from './dialog.tsx'
import { Icon } from './icon.tsx'
import { Panel } from './page-header.tsx'
import { toYaml } from './yaml.ts'
import './text-panel.css'

interface Reader<Read> {
  /** Reads what somebody pasted. What it throws is shown. */
  read: (text: string) => Read | Promise<Read>
  onPaste: (read: Read) => void
  /** What may be pasted. */
  label: string
  placeholder: string
}

/** What a form says as a line of the CLI, YAML or JSON: to copy, and to paste back. */
export function TextPanel<Read>(
  props: Reader<Read> & {
    document: object
    /** Without `nabla`; undefined if it needs a file. */
    line: string | undefined
    /** The line of the CLI that takes the file. */
    fileLine?: string
  },
): ReactNode {
  const { document, line, fileLine } = props
  const [chosen, setChosen] = useState<'line' | 'yaml' | 'json'>('line')
  const [isPasting, setIsPasting] = useState(false)
  const shown = line === undefined && chosen === 'line' ? 'yaml' : chosen
  const texts = { line: `nabla ${line}`, yaml: toYaml(document).trimStart(), json: JSON.stringify(document, null, 2) }
  const [copied, copy] = useCopy(texts[shown])
  return (
    <Panel
      title="The same as text"
      actions={
        <Button size="compact-xs" onClick={() => setIsPasting(true)}>
          Paste…
        </Button>
      }
    >
      <div className="stack">
        <div className="row">
          <SegmentedControl
            aria-label="As what"
            value={shown}
            onChange={setChosen}
            data={[
              ...(line === undefined ? [] : [{ value: 'line' as const, label: 'Command line' }]),
              { value: 'yaml', label: 'YAML' },
              { value: 'json', label: 'JSON' },
            ]}
          />
          <span className="grow" />
          <Button size="compact-xs" onClick={copy} leftSection={<Icon name={copied ? 'check' : 'copy'} size={12} />}>
            {copied ? 'Copied' : 'Copy'}
          </Button>
        </div>
        <pre className="text-panel" tabIndex={0} aria-label="The same as text">
          {shown === 'line' ? <UnbrokenWords text={texts.line} /> : texts[shown]}
        </pre>
        {shown !== 'line' && fileLine !== undefined && <CommandLine line={fileLine} label="With a file of it" />}
      </div>
      {isPasting && <PasteDialog {...props} onClose={() => setIsPasting(false)} />}
    </Panel>
  )
}

function PasteDialog<Read>(props: Reader<Read> & { onClose: () => void }): ReactNode {
  const { label, placeholder, read, onPaste, onClose } = props
  const [text, setText] = useState('')
  const [problem, setProblem] = useState<string>()
  const fill = async () => {
    try {
      onPaste(await read(text))
      onClose()
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error))
    }
  }
  return (
    <Dialog title="Fill in from text" onClose={onClose} size={640}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault()
          void fill()
        }}
      >
        <Textarea
          label={label}
          description="It is only read: nothing is run, and nothing is sent yet."
          className="mono-field text-panel-paste"
          value={text}
          error={problem}
          onChange={(event) => {
            setText(event.currentTarget.value)
            setProblem(undefined)
          }}
          placeholder={placeholder}
          spellCheck={false}
          data-autofocus
        />
        <div className="row" style={{ justifyContent: 'flex-end' }}>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" variant="filled" disabled={text.trim() === ''}>
            Fill in
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
