import { NumberInput } from '@mantine/core'
import { searchLimits } from '@nabla/api/searchers'
import type { Sweep } from '@nabla/api/sweep'
import { type ReactNode, useState } from 'react'
import { client } from '../../api/client.ts'
import { useAction } from '../../parts/action.ts'
import { FormDialog } from '../../parts/form-dialog.tsx'
import '@mantine/core/styles/NumberInput.css'

/** More trials in all, or more at a time, while the sweep runs. */
export function MoreTrials({ sweep, onClose }: { sweep: Sweep; onClose: () => void }): ReactNode {
  const { id, name, trials: counts } = sweep
  const [trials, setTrials] = useState<number | string>(counts.most)
  const [parallel, setParallel] = useState<number | string>(sweep.parallel)
  const body = { trials: Number(trials), parallel: Number(parallel) }
  const save = useAction({
    run: () => client.sweep.update({ sweep: id, body }),
    done: () => ({
      message: `Changed ${name}`,
      undo: () => client.sweep.update({ sweep: id, body: { trials: counts.most, parallel: sweep.parallel } }),
    }),
    changes: ['sweep'],
    quiet: true,
  })
  return (
    <FormDialog
      title="Add trials"
      submit="Save"
      command={`sweep update ${id} --trials ${body.trials} --parallel ${body.parallel}`}
      pending={save.pending}
      error={save.error}
      onClose={onClose}
      onSubmit={async () => {
        if ((await save.run(undefined)) !== undefined) onClose()
      }}
    >
      <NumberInput
        label="Trials in all"
        description={`${counts.asked} have begun.`}
        value={trials}
        onChange={setTrials}
        min={Math.max(1, counts.asked)}
        max={searchLimits.trials}
        allowDecimal={false}
        data-autofocus
      />
      <NumberInput
        label="At a time"
        value={parallel}
        onChange={setParallel}
        min={1}
        max={searchLimits.parallel}
        allowDecimal={false}
      />
    </FormDialog>
  )
}
