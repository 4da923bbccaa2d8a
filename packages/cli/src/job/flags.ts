import { usageError } from '../cli-error.ts'
import { flag, inSection, type ValuesOf } from '../flags.ts'
import { buildFlags, imageFlags } from './image.ts'

/** The options that describe a job, shared by `nabla run` and `nabla job create`. */
export const jobFlags = {
  name: flag.text('name', 'name of the job', { fallback: 'made up' }),
  project: flag.text('project', 'project it belongs to', {
    fallback: '.nabla/project.json, else the folder',
    completes: 'project',
  }),
  noInit: flag.on('write no .nabla/project.json'),
  tag: flag.texts('tag', 'tag to find it by'),
  machineType: flag.text('type', 'see `nabla machine-type list`', { completes: 'machine-type' }),
  image: flag.text('image', 'container image', { fallback: 'host: this machine is the image' }),
  ...inSection('Files', {
    workspace: flag.text('source', 'a folder, a .zip, .tar or .tar.gz file, a git address, or `none`', {
      fallback: 'this folder',
      completes: 'file',
    }),
    dataset: flag.texts(
      'name[:version]',
      'data to read in /data/NAME: latest, a number or a tag; NAME:VERSION=FOLDER',
      {
        completes: 'dataset',
      },
    ),
    model: flag.texts('name[:version]', 'model to read in /models/NAME: NAME:3, NAME@ALIAS; behind it :/PATH', {
      completes: 'model',
    }),
    modelName: flag.text('name', 'what the job leaves is a new version of this model', { completes: 'model' }),
    modelPath: flag.text('path', 'its file or folder in the artifacts folder', { fallback: 'all of it' }),
    modelType: flag.text('type', 'what it is said to be, such as ONNX or Tensorflow'),
    ignore: flag.texts('pattern', 'leave files out, as a line of .gitignore does'),
    dryRun: flag.on('only show what would travel, and what stays here and why'),
    workspaceRef: flag.text('ref', 'branch, tag or commit of a git workspace'),
    workspaceUsername: flag.text('name', 'user name for a git workspace'),
    workspacePassword: flag.text('token', 'token for a git workspace, or secret:NAME'),
    workingDir: flag.text('path', 'where the files are and the command starts', { fallback: '/paperspace' }),
    artifactsDir: flag.text('path', 'its files are kept after the job', { fallback: '/artifacts' }),
  }),
  ...inSection('Environment', {
    env: flag.texts('name=value', 'variable; a name alone takes the value from here', { short: 'e' }),
    envFile: flag.texts('file', 'file of variables', { completes: 'file' }),
    secret: flag.texts('name', 'secret as a variable; VAR=NAME to call it otherwise', { completes: 'secret' }),
    requirements: flag.text('file', 'Python requirements, installed if the file is there', {
      fallback: 'requirements.txt',
    }),
    noRequirements: flag.on('install no Python requirements'),
    port: flag.wholes('port', 'port that the command listens on', { short: 'p' }),
  }),
  ...imageFlags,
  ...buildFlags,
  ...inSection('Time and failure', {
    timeLimit: flag.duration('stop the job after this time', { fallback: 'none' }),
    retries: flag.whole('count', 'how often to start again after a failure', { fallback: '0' }),
    retryOn: flag.oneOf(['any', 'machine'], "which failures to start again after: any, or only the machine's"),
    priority: flag.whole('0-100', 'higher starts first', { fallback: '50' }),
  }),
}

export type JobFlags = ValuesOf<typeof jobFlags>

/** `name`, `name:version`, and behind an equals sign another folder than that of its name. */
export function readMount(text: string): { dataset: string; mount?: string } {
  const [dataset = '', mount] = text.split('=', 2)
  return { dataset, ...(mount !== undefined && { mount }) }
}

/** `name`, `name:3` or `name@alias`, and behind a colon another place than `/models/name`. */
export function readModelMount(text: string): { model: string; path?: string } {
  const at = text.indexOf(':/')
  return at < 0 ? { model: text } : { model: text.slice(0, at), path: text.slice(at + 1) }
}

/** The model that a job leaves; undefined: none. A path or a type without a name says too little. */
export function readJobModel(flags: Pick<JobFlags, 'modelName' | 'modelPath' | 'modelType'>) {
  const { modelName: name, modelPath, modelType: type } = flags
  if (name === undefined && modelPath === undefined && type === undefined) return undefined
  if (name === undefined) {
    throw usageError('--model-path and --model-type are about a model without a name.', 'Name it with --model-name.')
  }
  const path = modelPath?.replace(/^\/artifacts(?=\/|$)/, '').replaceAll(/^\/+|\/+$/g, '')
  return { name, ...(path !== undefined && { path }), ...(type !== undefined && { type }) }
}
