import type { IconName } from '../../parts/icon.tsx'

interface EventNoun {
  icon: IconName
  /** Where its things are looked at, each at its id; absent: they have no page of their own. */
  page?: string
}

/** What events are of: the first word of their type. */
export const eventNouns: Readonly<Record<string, EventNoun>> = {
  job: { icon: 'job', page: '/jobs' },
  notebook: { icon: 'file', page: '/notebooks' },
  experiment: { icon: 'chart', page: '/experiments' },
  run: { icon: 'chart', page: '/runs' },
  workflow: { icon: 'link', page: '/workflows' },
  model: { icon: 'model', page: '/models' },
  deployment: { icon: 'deploy', page: '/deployments' },
  instance: { icon: 'deploy' },
  tensorboard: { icon: 'chart' },
  dataset: { icon: 'data', page: '/data/datasets' },
  storage: { icon: 'data' },
  artifacts: { icon: 'file', page: '/jobs' },
  retention: { icon: 'clock' },
  project: { icon: 'folder', page: '/projects' },
  secret: { icon: 'lock' },
  key: { icon: 'key' },
  user: { icon: 'people' },
  password: { icon: 'lock' },
  member: { icon: 'people' },
  team: { icon: 'people' },
}

/** What happened, where the second word of the type says it badly. */
const verbs: Readonly<Record<string, string>> = {
  error: 'ended with an error',
  pending: 'waits for its turn',
  provisioning: 'is being prepared',
  running: 'runs',
  ready: 'is ready',
  retrying: 'starts another attempt',
  stop_requested: 'was asked to stop',
  preempted: 'made room for another',
}

/** What is said of an event: the second word of its type, in plain words. */
export const verbText = (verb: string): string => verbs[verb] ?? verb.replaceAll('_', ' ')
