import { NumberInput } from '@mantine/core'
import { deploymentLimits } from '@nabla/api/deployment-states'
import { type ReactNode, useState } from 'react'
import { client } from '../../api/client.ts'
import { useAction } from '../../parts/action.ts'
import { ConfirmDelete } from '../../parts/confirm-delete.tsx'
import { FormDialog } from '../../parts/form-dialog.tsx'
import { quote } from '../../parts/quote.ts'
import type { ActedDeployment, AskedOfDeployment } from './deployment-actions.ts'
import '@mantine/core/styles/NumberInput.css'

/** Starts, restarts or promotes one: none of these asks first. */
export function useDeploymentRun() {
  const action = useAction({
    run: ({ what, deployment }: { what: 'start' | 'restart' | 'promote'; deployment: ActedDeployment }) =>
      client.deployment[what]({ deployment: deployment.id }),
    done: ({ name }, { what }) => said[what](name),
    changes: ['deployment'],
  })
  return (what: 'start' | 'restart' | 'promote', deployment: ActedDeployment) => action.run({ what, deployment })
}

const said = {
  start: (name: string) => `Starting ${name}`,
  restart: (name: string) => `Restarting ${name}, one instance after the other`,
  promote: (name: string) => `The newest revision of ${name} answers all requests`,
}

/** Asks before a deployment is stopped, scaled, rolled back or deleted, and does it. */
export function DeploymentDialog(props: {
  asked: AskedOfDeployment | undefined
  onClose: () => void
  onDeleted?: () => void
}): ReactNode {
  const { asked, onClose, onDeleted } = props
  if (!asked) return null
  const { deployment } = asked
  if (asked.ask === 'stop') return <StopDeployment deployment={deployment} onClose={onClose} />
  if (asked.ask === 'scale') return <ScaleDeployment deployment={deployment} onClose={onClose} />
  if (asked.ask === 'rollback') return <RollBack deployment={deployment} onClose={onClose} />
  return <DeleteDeployment deployment={deployment} onClose={onClose} onDeleted={onDeleted} />
}

interface Props {
  deployment: ActedDeployment
  onClose: () => void
}

function StopDeployment({ deployment: { id, name }, onClose }: Props): ReactNode {
  const action = useAction({
    run: () => client.deployment.stop({ deployment: id }),
    done: () => ({ message: `Stopping ${name}`, undo: () => client.deployment.start({ deployment: id }) }),
    changes: ['deployment'],
    quiet: true,
  })
  return (
    <FormDialog
      title={`Stop ${name}?`}
      submit="Stop"
      command={`deployment stop ${quote(name)}`}
      pending={action.pending}
      error={action.error}
      onClose={onClose}
      onSubmit={async () => {
        if ((await action.run(undefined)) !== undefined) onClose()
      }}
    >
      <p className="muted">
        Its instances finish the requests that they have, and end; new requests are refused. Its address stays its own.
      </p>
    </FormDialog>
  )
}

function ScaleDeployment({ deployment, onClose }: Props): ReactNode {
  const { id, name, instances } = deployment
  const [count, setCount] = useState<number | string>(instances.wanted)
  const action = useAction({
    run: () => client.deployment.scale({ deployment: id, body: { instances: Number(count) } }),
    done: () => ({
      message: `${name} is to have ${count} instances`,
      undo: () => client.deployment.scale({ deployment: id, body: { instances: instances.wanted } }),
    }),
    changes: ['deployment'],
    quiet: true,
  })
  return (
    <FormDialog
      title={`Scale ${name}`}
      submit="Scale"
      command={`deployment scale ${quote(name)} ${Number(count)}`}
      pending={action.pending}
      error={action.error}
      onClose={onClose}
      onSubmit={async () => {
        if ((await action.run(undefined)) !== undefined) onClose()
      }}
    >
      <NumberInput
        label="Instances"
        description="Fewer finish their requests first. 0: none, until you scale it up again."
        value={count}
        onChange={setCount}
        min={0}
        max={deploymentLimits.instances}
        allowDecimal={false}
        data-autofocus
      />
    </FormDialog>
  )
}

function RollBack({ deployment, onClose }: Props): ReactNode {
  const { id, name, rollout, serving } = deployment
  const action = useRollback(id, name)
  const isUnderWay = rollout !== null && serving !== null
  return (
    <FormDialog
      title={`Roll ${name} back?`}
      submit="Roll back"
      command={`deployment rollback ${quote(name)}`}
      pending={action.pending}
      error={action.error}
      onClose={onClose}
      onSubmit={async () => {
        if ((await action.run(undefined)) !== undefined) onClose()
      }}
    >
      <p className="muted">
        {isUnderWay
          ? `Revision ${serving}, which answers now, comes back as a new one.`
          : 'The revision that answered before comes back as a new one.'}{' '}
        No request is lost: its instances take over as they are ready. Others are on the tab of revisions.
      </p>
    </FormDialog>
  )
}

/** Brings back a revision; without a number the one that answered before. */
export function useRollback(id: string, name: string) {
  return useAction({
    run: (revision: number | undefined) =>
      client.deployment.rollback({ deployment: id, body: revision === undefined ? {} : { revision } }),
    done: (_, revision) =>
      revision === undefined ? `Rolling ${name} back` : `Rolling ${name} back to revision ${revision}`,
    changes: ['deployment'],
  })
}

function DeleteDeployment(props: Props & { onDeleted: (() => void) | undefined }): ReactNode {
  const { deployment, onClose, onDeleted } = props
  const { id, name, revision } = deployment
  const action = useAction<void, unknown>({
    run: () => client.deployment.delete({ deployment: id }),
    done: () => `Deleted ${name}`,
    changes: ['deployment'],
    quiet: true,
  })
  return (
    <ConfirmDelete
      what={`deployment ${name}`}
      name={name}
      takes={[`its address, its logs and figures, and ${revision === 1 ? 'its revision' : `${revision} revisions`}`]}
      action={{
        ...action,
        async run() {
          const done = await action.run()
          if (done !== undefined) onDeleted?.()
          return done
        },
      }}
      command={`deployment delete ${quote(name)}`}
      onClose={onClose}
    />
  )
}
