import { Button, SegmentedControl, Textarea } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import { CommandLine, useCopy } from '../../parts/copy.tsx'
import { Dialog } from '../../parts/dialog.tsx'
import { Icon } from '../../parts/icon.tsx'
import { Panel } from '../../parts/page-header.tsx'
import { toYaml } from '../job/job-page-spec.ts'
import { type ExperimentDocument, readDocument } from './experiment-document.ts'
import { looksLikeExperiment, readExperimentLine } from './experiment-line.ts'

/** What the form says as a file for the CLI: to copy, and to paste back. */
export function ExperimentText(props: {
  document: ExperimentDocument
  /** The line of the CLI; undefined if it needs a file. */
  line: string | undefined
  onPaste: (document: ExperimentDocument) => void
}): ReactNode {
  const { document, line, onPaste } = props
  const [shown, setShown] = useState<'line' | 'yaml' | 'json'>('line')
  const [isPasting, setIsPasting] = useState(false)
  const yaml = toYaml(document).trimStart()
  const text =
    shown === 'json'
      ? JSON.stringify(document, null, 2)
      : shown === 'yaml' || line === undefined
        ? yaml
        : `nabla ${line}`
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
            value={line === undefined && shown === 'line' ? 'yaml' : shown}
            onChange={setShown}
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
        <pre className="job-text" tabIndex={0} aria-label="The same as text">
          {text}
        </pre>
        {shown !== 'line' && <CommandLine line="experiment run -f experiment.yaml" label="With a file of it" />}
      </div>
      {isPasting && <PasteDialog onClose={() => setIsPasting(false)} onPaste={onPaste} />}
    </Panel>
  )
}

function PasteDialog(props: { onClose: () => void; onPaste: (document: ExperimentDocument) => void }): ReactNode {
  const [text, setText] = useState('')
  const [problem, setProblem] = useState<string>()
  const fill = async () => {
    try {
      props.onPaste(await read(text))
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
          label="YAML or JSON of an experiment, or a line of nabla experiment run"
          description="It is only read: nothing is run, and nothing is sent yet."
          className="mono-field job-paste"
          value={text}
          error={problem}
          onChange={(event) => {
            setText(event.currentTarget.value)
            setProblem(undefined)
          }}
          placeholder={'kind: single\nproject: digits\ncommand: python train.py'}
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

async function read(text: string): Promise<ExperimentDocument> {
  return looksLikeExperiment(text) ? readExperimentLine(text) : readDocument(text)
}
