import { TagsInput } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import { useAction } from './action.ts'
import { FormDialog } from './form-dialog.tsx'
import { quote } from './quote.ts'
import '@mantine/core/styles/Pill.css'
import '@mantine/core/styles/PillsInput.css'

/** Gives a version names that stand for it (tags, aliases), and takes others away. One that another has moves. */
export function MarkVersion(props: {
  noun: 'dataset' | 'model'
  /** Such as `digits:3`. */
  reference: string
  /** Name of the dataset or the model. */
  name: string
  /** `Tags`. */
  label: string
  description: string
  /** Those that it has. */
  marks: readonly string[]
  set: (mark: string) => Promise<unknown>
  unset: (mark: string) => Promise<unknown>
  /** Verbs of the CLI. */
  verbs: { set: string; unset: string }
  onClose: () => void
}): ReactNode {
  const { noun, reference, name, label, marks: before, verbs, onClose } = props
  const [marks, setMarks] = useState([...before])
  const added = marks.filter((mark) => !before.includes(mark))
  const gone = before.filter((mark) => !marks.includes(mark))
  const action = useAction<void, boolean>({
    run: async () => {
      for (const mark of added) await props.set(mark)
      for (const mark of gone) await props.unset(mark)
      return true
    },
    done: () => `Changed the ${label.toLowerCase()} of ${reference}`,
    changes: [noun],
    quiet: true,
  })
  const command =
    added[0] === undefined && gone[0] !== undefined
      ? `${noun} ${verbs.unset} ${name} ${quote(gone[0])}`
      : `${noun} ${verbs.set} ${reference} ${added[0] === undefined ? verbs.set.toUpperCase() : quote(added[0])}`
  return (
    <FormDialog
      title={`${label} of ${reference}`}
      submit="Save"
      onSubmit={async () => (await action.run()) && onClose()}
      onClose={onClose}
      pending={action.pending}
      error={action.error}
      command={command}
    >
      <TagsInput label={label} description={props.description} value={marks} onChange={setMarks} data-autofocus />
    </FormDialog>
  )
}
