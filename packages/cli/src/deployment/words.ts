import type {
  Deployment,
  DeploymentInstance,
  DeploymentState,
  DeploymentSummary,
  InstanceState,
} from '@nabla/api/deployment'
import type { Context } from '../context.ts'
import { formatAgo, formatTime } from '../terminal/format.ts'
import type { Style } from '../terminal/output.ts'
import type { Column } from '../terminal/table.ts'

type Paint = (state: DeploymentState | InstanceState, text: string) => string

const looks: Record<DeploymentState | InstanceState, { sign: string; style: Style }> = {
  stopped: { sign: '○', style: 'dim' },
  starting: { sign: '◔', style: 'yellow' },
  running: { sign: '●', style: 'green' },
  degraded: { sign: '◑', style: 'red' },
  updating: { sign: '◕', style: 'blue' },
  sleeping: { sign: '◌', style: 'dim' },
  failed: { sign: '✖', style: 'red' },
  stopping: { sign: '◕', style: 'magenta' },
  pending: { sign: '◌', style: 'yellow' },
  ready: { sign: '●', style: 'green' },
  unready: { sign: '◑', style: 'red' },
  restarting: { sign: '◑', style: 'red' },
  draining: { sign: '◕', style: 'magenta' },
  ended: { sign: '○', style: 'dim' },
}

/** The sign of a state, for those who see no colours. */
export const signOf = (state: DeploymentState | InstanceState): string => looks[state].sign

export const paintWith =
  ({ out }: Context): Paint =>
  (state, text) =>
    out.style(looks[state].style, text)

/** The columns of a list of deployments. */
export function deploymentColumns(context: Context): Column<DeploymentSummary>[] {
  const paint = paintWith(context)
  return [
    { title: 'NAME', rank: 0, shrinkTo: 12, value: ({ name }) => name },
    {
      title: 'STATE',
      rank: 0,
      value: ({ state }) => `${signOf(state)} ${state}`,
      paint: (text, { state }) => paint(state, text),
    },
    { title: 'READY', rank: 1, align: 'right', value: ({ instances }) => `${instances.ready}/${instances.wanted}` },
    { title: 'REQ/S', rank: 3, align: 'right', value: ({ requestRate }) => formatRate(requestRate) },
    { title: 'REVISION', rank: 4, align: 'right', value: ({ revision }) => String(revision) },
    { title: 'SERVES', rank: 3, shrinkTo: 16, value: ({ serves }) => serves },
    { title: 'PROJECT', rank: 5, shrinkTo: 10, value: ({ project }) => project.name },
    { title: 'UPDATED', rank: 2, value: ({ updatedAt }) => formatAgo(updatedAt, context.io.now()) },
  ]
}

/** Three digits are enough to compare. */
const formatRate = (perSecond: number): string =>
  perSecond >= 100 ? String(Math.round(perSecond)) : String(Number(perSecond.toPrecision(2)))

/** All about one deployment, with its instances. */
export async function showDeployment(
  context: Context,
  found: Deployment,
  instances: readonly DeploymentInstance[],
): Promise<void> {
  const { out, io } = context
  const paint = paintWith(context)
  const { spec, rollout } = found
  const target = await context.target()
  const fields: [string, string | undefined | null][] = [
    ['name', found.name],
    ['id', found.id],
    ['project', found.project.name],
    ['state', paint(found.state, `${signOf(found.state)} ${found.state}`)],
    ['reason', found.reason],
    [
      'revision',
      rollout === null
        ? String(found.revision)
        : `${found.revision} (${rollout.state}; ${found.serving ?? 'none'} answers)`,
    ],
    ['canary', rollout?.canaryPercent == null ? undefined : `${rollout.canaryPercent} %`],
    ['shadow', found.shadow ? 'yes' : undefined],
    ['instances', `${found.instances.ready} of ${found.instances.wanted} ready`],
    ['model', spec.model],
    ['command', spec.command],
    ['image', spec.image === 'host' ? undefined : spec.image],
    ['requests', `${target.url}/serve/${found.name}/`],
    ['browser', found.address],
    [
      'who may',
      spec.auth.kind === 'keys'
        ? 'API keys of the team'
        : spec.auth.kind === 'public'
          ? 'anyone'
          : `${spec.auth.username} and keys of the team`,
    ],
    ['tags', found.tags.join(', ')],
    ['note', found.note],
    ['created', `${formatTime(found.createdAt)} by ${found.createdBy.name} (${formatAgo(found.createdAt, io.now())})`],
  ]
  await out.fields(fields.filter((field): field is [string, string] => Boolean(field[1])))
  for (const line of rollout?.lastLines ?? []) await out.line(`  ${line}`)
  if (instances.length === 0) return
  await out.line()
  await out.table(instances, instanceColumns(context))
}

function instanceColumns(context: Context): Column<DeploymentInstance>[] {
  const paint = paintWith(context)
  return [
    { title: 'INSTANCE', rank: 0, value: ({ name }) => name },
    {
      title: 'STATE',
      rank: 0,
      value: ({ state }) => `${signOf(state)} ${state}`,
      paint: (text, { state }) => paint(state, text),
    },
    { title: 'RESTARTS', rank: 3, align: 'right', value: ({ restarts }) => String(restarts) },
    { title: 'UNDER WAY', rank: 4, align: 'right', value: ({ outstanding }) => String(outstanding) },
    { title: 'REASON', rank: 2, shrinkTo: 20, value: ({ reason }) => reason ?? '' },
    { title: 'CREATED', rank: 1, value: ({ createdAt }) => formatAgo(createdAt, context.io.now()) },
  ]
}
