import { text } from 'node:stream/consumers'
import type { createJob } from '@nabla/api/job'
import type { WorkspaceSource } from '@nabla/api/workspace'
import { z } from 'zod'
import { AppError } from '../../lib/app-error.ts'
import { datasetsOf } from './dataset-mounts.ts'
import { decodeCommand, jsonIn, nameOf, optional, portsOf, variablesOf, yes } from './fields.ts'
import { imageFor } from '../../kinds/image-names.ts'
import { machineTypeFor } from '../../kinds/machine-names.ts'
import { readForm } from './multipart.ts'
import type { Exchange } from './route.ts'
import { uploadWorkspace, workspaceAt } from './workspaces.ts'

/** What a job is asked for with: in the query, by both clients; `paperspace-node` without files sends a JSON body. */
export const jobFields = z.object({
  machineType: optional,
  container: optional,
  projectId: optional,
  project: optional,
  name: optional,
  command: optional,
  ports: optional,
  workingDirectory: optional,
  envVars: z.unknown().optional(),
  useDockerfile: yes,
  relDockerfilePath: optional,
  registryUsername: optional,
  registryPassword: optional,
  registryTarget: optional,
  registryTargetUsername: optional,
  registryTargetPassword: optional,
  buildOnly: yes,
  workspaceFileName: optional,
  workspace: optional,
  workspaceRef: optional,
  workspaceUsername: optional,
  workspacePassword: optional,
  datasets: z.unknown().optional(),
})

type Fields = z.output<typeof jobFields>

/** Makes a job of what was asked for, with the files that came along. Throws AppError. */
export async function createJobOf(exchange: Exchange<Fields>) {
  const { headers, upload } = exchange
  const type = String(headers['content-type'] ?? '')
  if (/^application\/json/i.test(type)) {
    const body = jsonIn({ body: await text(upload) }, 'body')
    const given = jobFields.safeParse({ ...exchange.input, ...(body as object) })
    if (!given.success) throw new AppError('invalid', { detail: 'The body does not say what a job is.' })
    return submit({ ...exchange, input: given.data }, await workspaceAt(exchange, remote(given.data)))
  }
  if (/^multipart\/form-data/i.test(type)) {
    const { file } = await readForm(upload)
    return submit(exchange, { from: 'upload', id: await uploadWorkspace(exchange, file) })
  }
  return submit(exchange, await workspaceAt(exchange, remote(exchange.input)))
}

const remote = (input: Fields) => ({
  url: input.workspaceFileName ?? input.workspace,
  ref: input.workspaceRef,
  username: input.workspaceUsername,
  password: input.workspacePassword,
})

async function submit(exchange: Exchange<Fields>, workspace: WorkspaceSource) {
  const { call, deps, headers, input } = exchange
  const machineType = machineTypeFor(deps, input.machineType)
  const builds = input.useDockerfile || input.relDockerfilePath !== undefined
  const body: z.input<typeof createJob> = {
    command: commandOf(input, String(headers['ps_client_name'] ?? '')),
    project: input.projectId ?? nameOf(input.project) ?? 'gradient-project',
    image: builds ? 'host' : imageFor(deps, input.container, machineType),
    workspace,
    env: variablesOf(input.envVars),
    ports: portsOf(input.ports),
    datasets: await datasetsOf(exchange, jsonIn({ datasets: input.datasets }, 'datasets')),
    ...without({
      name: nameOf(input.name),
      machineType,
      workingDir: input.workingDirectory,
      build: builds ? buildOf(input) : undefined,
      registryLogin: loginOf(input, builds),
    }),
  }
  return call('job', 'create', { body })
}

/** Python sends a command as it is, JavaScript in base64. */
function commandOf({ command, buildOnly }: Fields, client: string): string {
  if (command === undefined && buildOnly) return 'true'
  if (command === undefined) throw new AppError('invalid', { detail: 'A job needs a command: give --command.' })
  return client.startsWith('gradient') ? command : decodeCommand(command)
}

const buildOf = ({ relDockerfilePath, registryTarget, buildOnly }: Fields) => ({
  dockerfile: (relDockerfilePath ?? 'Dockerfile').replace(/^\.?\/+/, ''),
  push: registryTarget ?? null,
  only: buildOnly,
})

function loginOf(input: Fields, builds: boolean) {
  const [username, password] = builds
    ? [input.registryTargetUsername, input.registryTargetPassword]
    : [input.registryUsername, input.registryPassword]
  return username === undefined || password === undefined ? undefined : { username, password }
}

/** Without what was not given: it gets its default. */
export function without<T extends object>(given: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>
  }
}
