import { flag, inSection, type ValuesOf } from '../flags.ts'
import { imageFlags } from '../job/image.ts'

const {
  registryUsername: _name,
  registryPasswordStdin: _stdin,
  registryPasswordFromEnv: _env,
  ...storedLogins
} = imageFlags

/** The options that describe a deployment, shared by `deploy`, `create` and `update`. */
export const deploymentFlags = {
  file: flag.text('file', 'read it from a YAML file; options go before what it says', {
    short: 'f',
    completes: 'file',
  }),
  dryRun: flag.on('only check it, and show what would be asked for'),
  name: flag.text('name', 'name of the deployment', { fallback: 'that of the model, or made up' }),
  tag: flag.texts('tag', 'tag to find it by'),
  note: flag.text('text', 'a note, in Markdown'),
  machineType: flag.text('type', 'see `nabla machine-type list`', { completes: 'machine-type' }),
  instances: flag.whole('count', 'how many', { fallback: '1' }),
  image: flag.text('image', 'container image', { fallback: 'host: this machine is the image' }),
  port: flag.whole('port', 'what the command listens on', { short: 'p', fallback: '$PORT, which is chosen' }),
  ...inSection('Files', {
    workspace: flag.text('source', 'a folder, a .zip, .tar or .tar.gz file, a git address, or `none`', {
      fallback: 'this folder, for a command',
      completes: 'file',
    }),
    ignore: flag.texts('pattern', 'leave files out, as a line of .gitignore does'),
    mountModel: flag.texts('name[:version]', 'another model to read in /models/NAME; behind it :/PATH', {
      completes: 'model',
    }),
    workspaceRef: flag.text('ref', 'branch, tag or commit of a git workspace'),
    requirements: flag.text('file', 'Python requirements, installed if the file is there', {
      fallback: 'requirements.txt',
    }),
  }),
  ...inSection('Environment', {
    env: flag.texts('name=value', 'variable; a name alone takes the value from here', { short: 'e' }),
    envFile: flag.texts('file', 'file of variables', { completes: 'file' }),
    secret: flag.texts('name', 'secret as a variable; VAR=NAME to call it otherwise', { completes: 'secret' }),
  }),
  ...inSection('Health', {
    readyPath: flag.text('path', 'asked whether it is ready', { fallback: 'it is enough that it listens' }),
    livePath: flag.text('path', 'asked whether it is alive; it is started again if not', { fallback: 'not asked' }),
    startLimit: flag.duration('how long it may take to be ready', { fallback: '10m' }),
    drain: flag.duration('how long one that is to go may finish its requests', { fallback: '30s' }),
  }),
  ...inSection('Requests', {
    auth: flag.oneOf(['keys', 'basic', 'public'], 'who may send them', { fallback: 'keys of the team' }),
    username: flag.text('name', 'for --auth basic'),
    password: flag.text('password', 'for --auth basic; better secret:NAME'),
    timeout: flag.duration('until an answer begins', { fallback: '5m' }),
    bodyLimit: flag.bytes('largest body', { fallback: '64MB' }),
    perInstance: flag.whole('count', 'most requests under way at one instance', { fallback: 'any number' }),
    rate: flag.whole('count', 'most requests per second of one key', { fallback: 'any number' }),
  }),
  ...inSection('Scaling', {
    min: flag.whole('count', 'fewest instances; 0: none while nothing is asked'),
    max: flag.whole('count', 'most instances; scales by itself'),
    target: flag.text('metric=value', 'what each instance is to have: outstanding=8, rate=50, latency=200, cpu=70'),
  }),
  ...storedLogins,
}

/** How a change takes over. */
export const rolloutFlags = inSection('Rollout', {
  canary: flag.whole('percent', 'give the new revision this share of the requests until `promote`'),
  shadow: flag.on('send the new revision copies only, and nobody its answers'),
  detach: flag.on('do not wait until it answers', { short: 'd' }),
})

export type DeploymentFlags = ValuesOf<typeof deploymentFlags>
export type RolloutFlags = ValuesOf<typeof rolloutFlags>
