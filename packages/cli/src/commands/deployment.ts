import { type Deployment, deploymentRoutes, type DeploymentSummary } from '@nabla/api/deployment'
import { defineCommand, type Group } from '../command.ts'
import type { Context } from '../context.ts'
import { deploymentFlags, rolloutFlags } from '../deployment/flags.ts'
import { deploymentColumns } from '../deployment/words.ts'
import { arg, flag } from '../flags.ts'
import { listCommand } from '../from-contract.ts'
import { history, logs, openDeployment, predict } from './deployment-say.ts'

const which = arg.required('name or id of the deployment')
const model = arg.optional('model to serve: name, name:3 or name@champion', 'model')
const words = arg.words('a command that listens on $PORT, in place of the built-in server')
const project = flag.text('project', 'project it belongs to', {
  fallback: '.nabla/project.json, else the folder',
  completes: 'project',
})

const details = `
With a model it is served by the built-in server. With a command after two dashes it is whatever
listens on $PORT; the files of this folder travel with it. With -f it is what a file says.`

/** `nabla deploy`. */
export const deploy = defineCommand({
  name: 'deploy',
  about: 'Serve a model or a command at a stable address',
  details: `${details}

One of that name that is there already gets a new revision, which takes over without a request
being lost. It exits with 1 if that does not come up; what was there before then goes on.`,
  args: { model, command: words },
  flags: { project, ...deploymentFlags, ...rolloutFlags },
  examples: [
    { line: 'deploy iris', about: 'the newest version of a model' },
    {
      line: 'deploy iris:4 --canary 10',
      about: 'version 4 for a tenth of the requests; then: deployment promote iris',
    },
    { line: 'deploy --name shop --ready-path /health -- python app.py', about: 'a program that listens on $PORT' },
    { line: 'deploy -f deployment.yaml', about: 'what a file says' },
  ],
  async run(context, args, flags) {
    const { submitDeployment } = await import('../deployment/submit.ts')
    const asked = { model: args.model, words: args.command, flags }
    const found = await submitDeployment(context, asked, { start: true, upsert: true, rollout: flags })
    return found ? settle(context, found, flags.detach) : 0
  },
})

const create = defineCommand({
  name: 'create',
  about: 'Make a deployment, and start it unless told otherwise',
  details,
  args: { model, command: words },
  flags: { project, ...deploymentFlags, detach: rolloutFlags.detach, stopped: flag.on('only make it') },
  examples: [
    { line: 'deployment create iris --name iris-eu --instances 2', about: 'two instances' },
    { line: 'deployment create --name shop --stopped -- python app.py', about: 'then: nabla deployment start shop' },
  ],
  async run(context, args, flags) {
    const { submitDeployment } = await import('../deployment/submit.ts')
    const asked = { model: args.model, words: args.command, flags }
    const found = await submitDeployment(context, asked, { start: !flags.stopped })
    return found ? settle(context, found, flags.detach || flags.stopped) : 0
  },
})

const update = defineCommand({
  name: 'update',
  about: 'Change a deployment; what changes what runs makes a revision',
  details: '\nWhat is not given stays as it is. With -f it is what the file says, and defaults.',
  args: { deployment: which, command: words },
  flags: {
    ...deploymentFlags,
    model: flag.text('name[:version]', 'model to serve', { completes: 'model' }),
    ...rolloutFlags,
  },
  examples: [
    { line: 'deployment update iris --model iris:5', about: 'another version, without a lost request' },
    { line: 'deployment update shop --env LEVEL=debug --canary 20', about: 'for a fifth of the requests' },
    { line: 'deployment update iris --auth public', about: 'for anyone' },
  ],
  async run(context, args, flags) {
    const { updateOne } = await import('../deployment/submit.ts')
    const asked = { model: flags.model, words: args.command, flags }
    const found = await updateOne(context, args.deployment, asked, flags)
    return found ? settle(context, found, flags.detach) : 0
  },
})

const list = listCommand<DeploymentSummary>('deployment', deploymentRoutes, {
  about: 'Show deployments, newest first',
  columns: deploymentColumns,
  empty: 'No deployments. Make one with: nabla deploy MODEL',
  examples: [{ line: 'deployment list --state running', about: 'those that answer' }],
})

const show = defineCommand({
  name: 'show',
  about: 'Show one deployment with its instances',
  args: { deployment: which },
  examples: [{ line: 'deployment show iris', about: 'and where to send requests' }],
  async run(context, { deployment }) {
    const client = await context.client()
    const found = await client.deployment.show({ deployment })
    if (context.out.json) {
      await context.out.value(found)
      return
    }
    const { items } = await client.deployment.instances({ deployment: found.id })
    const { showDeployment } = await import('../deployment/words.ts')
    await showDeployment(context, found, items.slice(0, 20))
  },
})

const scale = defineCommand({
  name: 'scale',
  about: 'Change how many instances there are',
  args: { deployment: which, instances: arg.required('how many') },
  examples: [{ line: 'deployment scale iris 3', about: 'three of them' }],
  async run(context, { deployment, instances }) {
    const client = await context.client()
    const found = await client.deployment.scale({ deployment, body: { instances: Number(instances) } })
    await answer(context, found, `${found.name} is to have ${found.instances.wanted} instances`)
  },
})

const start = verb('start', 'Start a deployment that is stopped', 'Starting')
const stop = verb('stop', 'Stop all instances once they have finished their requests', 'Stopping')
const restart = verb('restart', 'Replace all instances one by one, without a lost request', 'Restarting')
const promote = verb('promote', 'Let a canary or a shadow answer all requests', 'Promoting')

const rollback = defineCommand({
  name: 'rollback',
  about: 'Bring back an earlier revision, without a lost request',
  args: { deployment: which },
  flags: {
    revision: flag.whole('number', 'see `deployment history`', { fallback: 'the one before' }),
    detach: rolloutFlags.detach,
  },
  examples: [{ line: 'deployment rollback iris --revision 3', about: 'as it was then' }],
  async run(context, { deployment }, { revision, detach }) {
    const client = await context.client()
    const body = revision === undefined ? {} : { revision }
    return settle(context, await client.deployment.rollback({ deployment, body }), detach)
  },
})

const remove = defineCommand({
  name: 'delete',
  about: 'Delete deployments with their history and logs',
  args: { deployment: arg.many('names or ids of the deployments') },
  flags: { force: flag.on('also those that are not stopped: requests are cut off') },
  examples: [{ line: 'deployment delete iris', about: 'one that is stopped' }],
  async run(context, args, { force }) {
    const client = await context.client()
    for (const deployment of args.deployment) {
      const answered = await client.deployment.delete({ deployment, ...(force && { force: 'true' }) })
      if (context.out.json) await context.out.value({ deployment, ...answered })
      else context.out.note(`Deleted ${deployment}`)
    }
  },
})

export const deployment: Group = {
  name: 'deployment',
  about: 'Models and programs that answer requests at a stable address',
  commands: [
    create,
    list,
    show,
    update,
    scale,
    start,
    stop,
    restart,
    logs,
    predict,
    openDeployment,
    history,
    rollback,
    promote,
    remove,
  ],
}

function verb(name: 'start' | 'stop' | 'restart' | 'promote', about: string, doing: string) {
  return defineCommand({
    name,
    about,
    args: { deployment: which },
    examples: [{ line: `deployment ${name} iris`, about: 'by its name' }],
    async run(context, args) {
      const client = await context.client()
      const found = await client.deployment[name]({ deployment: args.deployment })
      await answer(context, found, `${doing} ${found.name}`)
    },
  })
}

/** Says what came of it: at once, or when it answers or has failed. */
async function settle(context: Context, found: Deployment, detach: boolean): Promise<number> {
  if (detach) {
    await answer(context, found, `${found.name}, revision ${found.revision}, is ${found.state}`)
    return 0
  }
  const { exitCodeOf, sayAddress, waitForRollout } = await import('../deployment/follow.ts')
  const settled = await waitForRollout(context, found)
  if (context.out.json) await context.out.value(settled)
  else {
    for (const line of settled.rollout?.lastLines ?? []) context.out.note(`  ${line}`)
    if (exitCodeOf(settled) === 0) await sayAddress(context, settled)
  }
  return exitCodeOf(settled)
}

async function answer({ out }: Context, found: Deployment, note: string): Promise<void> {
  if (out.json) await out.value(found)
  else out.note(note)
}
