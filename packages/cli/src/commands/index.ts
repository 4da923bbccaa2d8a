import type { Later } from '../command.ts'

/** One word after `nabla`. */
export interface Entry extends Later {
  /** Its heading in the help. `hidden`: not shown there. */
  group: string
}

const start = 'Start here'
const work = 'Work'
const manage = 'Manage'
const more = 'More'

export const entries: readonly Entry[] = [
  {
    name: 'up',
    about: 'Start a server on this machine',
    group: start,
    load: async () => (await import('./up.ts')).up,
  },
  {
    name: 'login',
    about: 'Log in to a server and remember the key',
    group: start,
    load: async () => (await import('./login.ts')).login,
  },
  {
    name: 'open',
    about: 'Open the web console, signed in',
    group: start,
    load: async () => (await import('./open.ts')).open,
  },
  {
    name: 'run',
    about: 'Run a command with the files of this folder, and watch it',
    group: start,
    load: async () => (await import('./run.ts')).run,
  },
  {
    name: 'deploy',
    about: 'Serve a model or a command at a stable address',
    group: start,
    load: async () => (await import('./deployment.ts')).deploy,
  },
  {
    name: 'job',
    about: 'Submit, watch and manage jobs',
    group: work,
    load: async () => (await import('./job.ts')).job,
  },
  {
    name: 'experiment',
    about: 'Run one node or many that work together, and keep how it was done',
    group: work,
    load: async () => (await import('./experiment.ts')).experiment,
  },
  {
    name: 'sweep',
    about: 'Search for good parameters',
    group: work,
    load: async () => (await import('./sweep.ts')).sweep,
  },
  {
    name: 'notebook',
    about: 'Jupyter on this machine: files and packages stay, versions of each session',
    group: work,
    load: async () => (await import('./notebook.ts')).notebook,
  },
  {
    name: 'project',
    about: 'Group jobs by what they are for',
    group: work,
    load: async () => (await import('./project.ts')).project,
  },
  {
    name: 'exec',
    about: 'Run a program inside a running job, or open a shell there',
    group: work,
    load: async () => (await import('./exec.ts')).exec,
  },
  {
    name: 'storage',
    about: 'Files that every job of the team sees at /storage',
    group: work,
    load: async () => (await import('./storage.ts')).storage,
  },
  {
    name: 'cp',
    about: 'Copy files between this machine, storage, artifacts and datasets',
    group: work,
    load: async () => (await import('./cp.ts')).cp,
  },
  {
    name: 'artifact',
    about: 'What jobs left in /artifacts, and how long it is kept',
    group: work,
    load: async () => (await import('./artifact.ts')).artifact,
  },
  {
    name: 'dataset',
    about: 'Data in versions that never change, read by jobs in /data',
    group: work,
    load: async () => (await import('./dataset.ts')).dataset,
  },
  {
    name: 'model',
    about: 'Trained models in versions, with what made them',
    group: work,
    load: async () => (await import('./model.ts')).model,
  },
  {
    name: 'deployment',
    about: 'Models and programs that answer requests at a stable address',
    group: work,
    load: async () => (await import('./deployment.ts')).deployment,
  },
  {
    name: 'runs',
    about: 'What programs track: parameters, metrics and labels',
    group: work,
    load: async () => (await import('./runs.ts')).runs,
  },
  {
    name: 'tensorboard',
    about: 'TensorBoards over what jobs write',
    group: work,
    load: async () => (await import('./tensorboard.ts')).tensorboard,
  },
  {
    name: 'workflow',
    about: 'Jobs that wait for one another and hand files on',
    group: work,
    load: async () => (await import('./workflow.ts')).workflow,
  },
  {
    name: 'workspace',
    about: 'The files that travel with a job',
    group: work,
    load: async () => (await import('./workspace.ts')).workspace,
  },
  {
    name: 'secret',
    about: 'Values that jobs receive and nobody reads back',
    group: work,
    load: async () => (await import('./secret.ts')).secret,
  },
  {
    name: 'image',
    about: 'Container images on the machine',
    group: work,
    load: async () => (await import('./image.ts')).image,
  },
  {
    name: 'registry',
    about: 'Logins for registries of container images',
    group: work,
    load: async () => (await import('./registry.ts')).registry,
  },
  {
    name: 'machine-type',
    about: 'What a job can ask for',
    group: work,
    load: async () => (await import('./machine-type.ts')).machineType,
  },
  {
    name: 'machine',
    about: 'Show what the machine does, and what of it is given out',
    group: work,
    load: async () => (await import('./machine.ts')).machine,
  },
  {
    name: 'events',
    about: 'Show what happened, or watch it happen',
    group: work,
    load: async () => (await import('./event.ts')).events,
  },
  {
    name: 'key',
    about: 'API keys of yours',
    group: manage,
    load: async () => (await import('./key.ts')).key,
  },
  {
    name: 'user',
    about: 'Your name and password',
    group: manage,
    load: async () => (await import('./user.ts')).user,
  },
  {
    name: 'session',
    about: 'Browsers in which you are signed in',
    group: manage,
    load: async () => (await import('./session.ts')).session,
  },
  {
    name: 'team',
    about: 'Teams and their members',
    group: manage,
    load: async () => (await import('./team.ts')).team,
  },
  {
    name: 'whoami',
    about: 'Show who you are and which server you use',
    group: manage,
    load: async () => (await import('./login.ts')).whoami,
  },
  {
    name: 'logout',
    about: 'Forget the key of a server',
    group: manage,
    load: async () => (await import('./login.ts')).logout,
  },
  {
    name: 'doctor',
    about: 'Check this machine and the server, and say what is missing',
    group: more,
    load: async () => (await import('./doctor.ts')).doctor,
  },
  {
    name: 'gateway',
    about: 'Start one more gateway to deployments, beside the server of this machine',
    group: more,
    load: async () => (await import('./gateway.ts')).gateway,
  },
  {
    name: 'backup',
    about: 'Back up the server of this machine, while it runs',
    group: more,
    load: async () => (await import('./backup.ts')).backup,
  },
  {
    name: 'restore',
    about: 'Make a server of a backup, in an empty folder',
    group: more,
    load: async () => (await import('./restore.ts')).restore,
  },
  {
    name: 'fsck',
    about: 'Look for missing, extra and damaged parts of files in what the server keeps',
    group: more,
    load: async () => (await import('./fsck.ts')).fsck,
  },
  {
    name: 'gradient',
    about: 'Point clients of Gradient at this server',
    group: more,
    load: async () => (await import('./gradient.ts')).gradient,
  },
  {
    name: 'completion',
    about: 'Print the completion script for your shell',
    group: more,
    load: async () => (await import('./completion.ts')).completion,
  },
  {
    name: 'version',
    about: 'Show the version of this program and of the server',
    group: more,
    load: async () => (await import('./version.ts')).version,
  },
  {
    name: '__complete',
    about: 'Print what could follow, one a line',
    group: 'hidden',
    load: async () => (await import('./completion.ts')).complete,
  },
]
