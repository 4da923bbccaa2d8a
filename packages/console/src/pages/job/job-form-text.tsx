import { Button, SegmentedControl, Textarea } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import { useCopy } from '../../parts/copy.tsx'
import { Dialog } from '../../parts/dialog.tsx'
import { Icon } from '../../parts/icon.tsx'
import { Panel } from '../../parts/page-header.tsx'
import { readJobText } from './job-document.ts'
import type { ReadJob } from './job-line-read.ts'
import { toYaml } from './job-page-spec.ts'

type Shown = 'line' | 'yaml' | 'json'

/** What the form says as a line of the CLI, YAML or JSON: to copy, and to paste back. */
export function TextPanel(props: {
  line: string
  document: Record<string, unknown>
  onPaste: (read: ReadJob) => void
}): ReactNode {
  const { line, document, onPaste } = props
  const [shown, setShown] = useState<Shown>('line')
  const [isPasting, setIsPasting] = useState(false)
  const text = { line: `nabla ${line}`, yaml: toYaml(document).trimStart(), json: JSON.stringify(document, null, 2) }[
    shown
  ]
  const [copied, copy] = useCopy(text)
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
            onChange={setShown}
            data={[
              { value: 'line', label: 'Command line' },
              { value: 'yaml', label: 'YAML' },
              { value: 'json', label: 'JSON' },
            ]}
          />
          <span className="grow" />
          <Button size="compact-xs" onClick={copy} leftSection={<Icon name={copied ? 'check' : 'copy'} size={12} />}>
            {copied ? 'Copied' : 'Copy'}
          </Button>
        </div>
        <pre className="job-text" tabIndex={0} aria-label="The same as text">
          {text}
        </pre>
      </div>
      {isPasting && <PasteDialog onClose={() => setIsPasting(false)} onPaste={onPaste} />}
    </Panel>
  )
}

function PasteDialog(props: { onClose: () => void; onPaste: (read: ReadJob) => void }): ReactNode {
  const [text, setText] = useState('')
  const [problem, setProblem] = useState<string>()
  const fill = async () => {
    try {
      props.onPaste(await readJobText(text))
      props.onClose()
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error))
    }
  }
  return (
    <Dialog title="Fill in from text" onClose={props.onClose} size={640}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault()
          void fill()
        }}
      >
        <Textarea
          label="A line of nabla run, YAML or JSON"
          description="It is only read: nothing is run, and nothing is sent yet."
          className="mono-field job-paste"
          value={text}
          error={problem}
          onChange={(event) => {
            setText(event.currentTarget.value)
            setProblem(undefined)
          }}
          placeholder="nabla run --machine-type small --env LR=0.1 -- python train.py"
          spellCheck={false}
          data-autofocus
        />
        <div className="row" style={{ justifyContent: 'flex-end' }}>
          <Button onClick={props.onClose}>Cancel</Button>
          <Button type="submit" variant="filled" disabled={text.trim() === ''}>
            Fill in
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
