import type { NotebookSpec } from '@nabla/api/notebook'
import { notebookPort } from '@nabla/api/notebook'
import { aloneGang } from '../../tasks/gang/alone.ts'
import type { MachineType } from '../../tasks/machine-types.ts'
import type { TaskRequest } from '../../tasks/task.ts'
import { generatedFiles } from './generated.ts'

/** What a session of a notebook is made of. */
export interface Session {
  notebook: { id: string; name: string; projectId: string; projectName: string }
  spec: NotebookSpec
  machine: MachineType
  number: number
  /** Changes when its environment is to be made anew. */
  rebuild: string
  sealedLogin: string | null
  volumes: { files: string; environment: string; storage: string; seed: string | null }
  /** Its engine's tasks are on the network of the machine; otherwise each has one of its own. */
  sharesNetwork: boolean
}

/** What the task of a session asks for. Pure. */
export function requestOf(session: Session): TaskRequest {
  const { notebook, spec, machine, volumes } = session
  const hostname = `nb-${notebook.id}`
  const gang = aloneGang(notebook.id, hostname)
  const address = session.sharesNetwork ? gang.hosts[hostname]! : '0.0.0.0'
  const prepared = {
    address,
    session: String(session.number),
    rebuild: session.rebuild,
    packages: spec.packages,
    command: spec.command,
  }
  return {
    image: spec.image,
    command: 'exec /bin/sh /generated/start',
    workingDir: '/notebooks',
    env: {
      NABLA_NOTEBOOK_ID: notebook.id,
      NABLA_NOTEBOOK_NAME: notebook.name,
      NABLA_PROJECT: notebook.projectName,
      NABLA_MACHINE_TYPE: machine.name,
      PS_JOBSPACE: '/storage',
      ...spec.env,
    },
    volumes: [
      { volumeId: volumes.files, target: '/notebooks', mode: 'rw' },
      { volumeId: volumes.environment, target: '/opt/notebook', mode: 'rw' },
      { volumeId: volumes.storage, target: '/storage', mode: 'rw' },
      ...(volumes.seed === null
        ? []
        : [
            {
              volumeId: volumes.seed,
              target: '/opt/notebook-seed',
              mode: 'ro',
            } satisfies TaskRequest['volumes'][number],
          ]),
    ],
    requirements: spec.image === 'host' ? '/generated/requirements.txt' : null,
    ports: [notebookPort],
    ...containerOf(session),
    resources: { cpus: machine.cpus, memoryBytes: machine.memoryBytes, gpus: machine.gpus },
    projectId: notebook.projectId,
    gang: { ...gang, files: generatedFiles(prepared) },
  }
}

function containerOf({ spec, sealedLogin }: Session): Pick<TaskRequest, 'container'> {
  if (spec.image === 'host') return {}
  return {
    container: {
      login: spec.registry,
      ...(sealedLogin === null ? {} : { sealedLogin }),
      ...(spec.user === null ? {} : { user: spec.user }),
      ...(spec.shmBytes === null ? {} : { shmBytes: spec.shmBytes }),
    },
  }
}
