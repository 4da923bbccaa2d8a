import type { Page } from 'playwright-core'

/** The servers that pictures are taken of: what is on each is in `tools/shots.ts`. None changes what another shows. */
export type ShotServer = 'main' | 'empty' | 'data' | 'notebooks' | 'deployments' | 'workflows'

export interface Shot {
  /** Names the file. */
  name: string
  path: string
  signedIn?: boolean
  /** What to do before the picture is taken: open a dialog, choose a tab. */
  prepare?: (page: Page) => Promise<unknown>
}

const settings = 'account keys appearance members teams secrets registries retention machine-types health about'
  .split(' ')
  .map((section): Shot => ({ name: `settings-${section}`, path: `/settings/${section}` }))

/** Runs and experiments of `tools/seed-runs.ts`. */
const tracked: readonly Shot[] = [
  { name: 'runs', path: '/runs' },
  { name: 'tensorboards', path: '/tensorboards' },
  { name: 'tensorboard-new', path: '/tensorboards?new=yes&jobs=cnn-1' },
  { name: 'runs-charts', path: '/runs?view=charts&smooth=0.6' },
  { name: 'runs-parallel', path: '/runs?view=parallel&brush=params.lr:0.4-0.8' },
  { name: 'runs-scatter', path: '/runs?view=scatter' },
  {
    name: 'runs-importance',
    path: '/runs?view=importance',
    prepare: (page) => page.getByText('By how much').waitFor(),
  },
  { name: 'run', path: '/runs', prepare: (page) => page.getByRole('link', { name: 'cnn-1', exact: true }).click() },
  {
    name: 'run-media',
    path: '/runs',
    async prepare(page) {
      await page.getByRole('link', { name: 'cnn-1', exact: true }).click()
      await page.getByRole('tab', { name: 'Images and tables' }).click()
      await page.getByRole('img', { name: /values from/ }).waitFor()
    },
  },
  {
    name: 'runs-compare',
    path: '/runs',
    async prepare(page) {
      const names = ['cnn-1', 'mlp-2', 'transformer-3', 'cnn-4']
      const links = names.map((name) => page.getByRole('link', { name, exact: true }).first().getAttribute('href'))
      const ids = (await Promise.all(links)).map((link) => link?.split('/').at(-1))
      await page.goto(new URL(`/runs/compare?ids=${ids.join(',')}`, page.url()).href)
      await page.getByRole('figure').first().waitFor()
    },
  },
  { name: 'experiments', path: '/experiments' },
  { name: 'experiment', path: '/experiments/digits-distributed' },
  { name: 'experiment-logs', path: '/experiments/digits-distributed?tab=logs' },
  { name: 'experiment-record', path: '/experiments/digits-distributed?tab=record' },
  {
    name: 'experiment-new',
    path: '/experiments/new',
    prepare: (page) => page.locator('label', { hasText: /^Multi-node$/ }).click(),
  },
  {
    name: 'experiment-samples',
    path: '/experiments/new',
    prepare: (page) => page.getByRole('button', { name: 'Samples' }).click(),
  },
  { name: 'experiment-gone', path: '/experiments/nobody' },
]

/** Sweeps of `tools/seed-sweeps.ts`. */
const sweeps: readonly Shot[] = [
  { name: 'sweeps', path: '/sweeps' },
  { name: 'sweep', path: '/sweeps/learning-rate', prepare: (page) => page.getByText('By how much').waitFor() },
  { name: 'sweep-parallel', path: '/sweeps/learning-rate?tab=parallel&brush=rate:0.2-0.6' },
  { name: 'sweep-slices', path: '/sweeps/learning-rate?tab=slices' },
  { name: 'sweep-map', path: '/sweeps/learning-rate?tab=map&across=rate&up=layers' },
  { name: 'sweep-front', path: '/sweeps/loss-or-size?tab=front' },
  { name: 'sweep-timeline', path: '/sweeps/learning-rate?tab=timeline' },
  { name: 'sweep-trials', path: '/sweeps/learning-rate?tab=trials' },
  { name: 'sweep-trial', path: '/sweeps/digits-search?trial=0' },
  { name: 'sweep-none', path: '/sweeps?name=nobody' },
  { name: 'sweep-new', path: '/sweeps/new?project=tracked' },
  { name: 'sweep-sample', path: '/sweeps/new?project=tracked&sample=early-stopping' },
]

/** What somebody sees who has just come: where there is nothing, a page says what to do. */
const nothingYet =
  '/ /projects /notebooks /jobs /experiments /runs /sweeps /tensorboards /workflows /models /deployments'
const empty = `${nothingYet} /data/storage /data/datasets /settings/secrets /jobs/new /workflows/new /machines`
  .split(' ')
  .map((path): Shot => ({ name: `empty-${path.slice(1).replaceAll('/', '-') || 'home'}`, path }))

/** Notebooks of `tools/seed-notebooks.ts`. */
const notebooks: readonly Shot[] = [
  { name: 'notebooks', path: '/notebooks' },
  { name: 'notebooks-none', path: '/notebooks?name=nobody' },
  { name: 'notebook', path: '/notebooks/train-a-network' },
  { name: 'notebook-warned', path: '/notebooks/left-alone?tab=settings' },
  { name: 'notebook-error', path: '/notebooks/no-jupyter?tab=logs' },
  { name: 'notebook-start', path: '/notebooks/just-started?tab=logs' },
  { name: 'notebook-file', path: '/notebooks/look-at-digits?file=digits.ipynb' },
  { name: 'notebook-versions', path: '/notebooks/look-at-digits?tab=versions' },
  { name: 'notebook-new', path: '/notebooks/new' },
  {
    name: 'notebook-run',
    path: '/notebooks/look-at-digits',
    async prepare(page) {
      await page.getByRole('button', { name: 'More actions' }).click()
      await page.getByRole('menuitem', { name: 'Run as a job' }).click()
      await page.getByLabel('epochs').waitFor()
    },
  },
  {
    name: 'notebook-shared',
    path: '/notebooks/look-at-digits',
    async prepare(page) {
      await page.getByRole('button', { name: 'More actions' }).click()
      await page.getByRole('menuitem', { name: 'Share' }).click()
      const address = await page.getByRole('link', { name: 'Look at it' }).getAttribute('href')
      await page.context().clearCookies()
      await page.goto(new URL(address!, page.url()).href)
      await page.getByText('epoch 2').waitFor()
    },
  },
]

/** Deployments of `tools/seed-deployments.ts`. */
const deployments: readonly Shot[] = [
  { name: 'deployments', path: '/deployments' },
  { name: 'deployments-none', path: '/projects/digits?tab=deployments' },
  { name: 'deployment', path: '/deployments/iris-api', prepare: (page) => page.getByRole('figure').first().waitFor() },
  {
    name: 'deployment-try',
    path: '/deployments/iris-api?tab=try',
    async prepare(page) {
      await page.getByRole('combobox', { name: 'Operation' }).waitFor()
      await page.getByRole('button', { name: 'Send' }).click()
      await page.getByText('answered').waitFor()
    },
  },
  { name: 'deployment-instances', path: '/deployments/iris-api?tab=instances' },
  { name: 'deployment-logs', path: '/deployments/iris-api?tab=logs' },
  { name: 'deployment-revisions', path: '/deployments/iris-api?tab=revisions' },
  { name: 'deployment-record', path: '/deployments/iris-api?tab=record' },
  {
    name: 'deployment-new',
    path: '/deployments/new?project=tracked',
    prepare: (page) => page.locator('label', { hasText: /^A program$/ }).click(),
  },
]

/** Workflows of `tools/seed-workflows.ts`. */
const workflows: readonly Shot[] = [
  { name: 'workflows', path: '/workflows' },
  { name: 'workflow', path: '/workflows/nightly' },
  { name: 'workflow-run', path: '/workflows/nightly/runs/1?job=prepare' },
  { name: 'workflow-running', path: '/workflows/nightly/runs/2' },
  { name: 'workflow-failed', path: '/workflows/release/runs/1' },
  { name: 'workflow-record', path: '/workflows/nightly/runs/2?tab=record' },
  {
    name: 'workflow-new',
    path: '/workflows/new',
    async prepare(page) {
      const file = 'jobs:\n  prepare:\n    uses: script@v1\n    with: {script: echo}\n    needs: [nobody]\n'
      await page.getByRole('textbox', { name: 'File, in YAML or JSON' }).fill(file)
      await page.getByText('there is no job nobody').waitFor()
    },
  },
  {
    name: 'workflow-again',
    path: '/workflows/new?workflow=nightly',
    prepare: (page) => page.getByRole('region', { name: 'Graph of the run' }).waitFor(),
  },
]

/** Datasets, models, people and keys of `tools/seed-data.ts` and `tools/seed-models.ts`. */
const data: readonly Shot[] = [
  { name: 'datasets', path: '/data/datasets' },
  { name: 'dataset', path: '/data/datasets/faces' },
  { name: 'dataset-failed', path: '/data/datasets/digits' },
  { name: 'dataset-files', path: '/data/datasets/faces?tab=files&version=2&file=labels.csv' },
  { name: 'dataset-compare', path: '/data/datasets/faces?tab=compare' },
  { name: 'dataset-use', path: '/data/datasets/faces?tab=use' },
  { name: 'settings-model-keys-one', path: '/settings/model-keys' },
  { name: 'model-metrics', path: '/models/fitted' },
  { name: 'models', path: '/models' },
  { name: 'model', path: '/models/digits' },
  { name: 'model-versions', path: '/models/digits?tab=versions' },
  { name: 'model-signature', path: '/models/digits?tab=signature&version=1' },
  { name: 'model-graph', path: '/models/digits?tab=graph&version=1' },
  { name: 'model-compare', path: '/models/digits?tab=compare' },
  { name: 'model-upload', path: '/models', prepare: (page) => press(page, 'Upload model') },
  { name: 'deployment-new-model', path: '/deployments/new?model=digits' },
  { name: 'settings-keys-several', path: '/settings/keys' },
  { name: 'settings-key-new', path: '/settings/keys', prepare: (page) => press(page, 'New key') },
  { name: 'settings-members-several', path: '/settings/members' },
  { name: 'settings-member-new', path: '/settings/members', prepare: (page) => press(page, 'Add a person') },
  { name: 'settings-teams-several', path: '/settings/teams' },
  { name: 'settings-team-new', path: '/settings/teams', prepare: (page) => press(page, 'New team') },
]

/** Pages of the jobs in every state that `tools/seed.ts` makes, and of what is below. */
const pages: readonly Shot[] = [
  { name: 'sign-in', path: '/sign-in', signedIn: false },
  { name: 'home', path: '/' },
  { name: 'activity', path: '/activity' },
  { name: 'machines', path: '/machines' },
  ...settings,
  { name: 'projects', path: '/projects' },
  { name: 'project-jobs', path: '/projects/digits' },
  { name: 'project-activity', path: '/projects/speech?tab=activity' },
  { name: 'project-artifacts', path: '/projects/digits?tab=artifacts' },
  { name: 'project-secrets', path: '/projects/digits?tab=secrets' },
  { name: 'project-settings', path: '/projects/digits?tab=settings' },
  {
    name: 'project-new',
    path: '/projects',
    prepare: (page) => page.getByRole('button', { name: 'New project' }).click(),
  },
  {
    name: 'palette',
    path: '/projects',
    async prepare(page) {
      await page.getByRole('button', { name: 'Search or do' }).click()
      await page.getByRole('combobox').fill('di')
      await page.getByRole('option', { name: 'digits' }).first().waitFor()
    },
  },
  { name: 'storage', path: '/data/storage' },
  {
    name: 'storage-upload',
    path: '/data/storage/datasets',
    async prepare(page) {
      const buffer = Buffer.alloc(3 * 1024 * 1024)
      const names = [
        'train-images.bin',
        'a-rather-long-name-of-a-file-that-does-not-fit-on-a-phone.parquet',
        'labels.csv',
      ]
      await page.route('**/api/v1/storage/file*', (route) => route.abort())
      await page
        .getByLabel('Files to upload')
        .setInputFiles(names.map((name) => ({ name, mimeType: 'text/plain', buffer })))
      await page.getByText('connection lost').first().waitFor()
    },
  },
  {
    name: 'storage-delete',
    path: '/data/storage',
    async prepare(page) {
      await page.getByRole('button', { name: 'Actions for datasets' }).click()
      await page.getByRole('menuitem', { name: 'Delete' }).click()
      await page.getByText('This goes with it').waitFor()
    },
  },
  { name: 'storage-file', path: '/data/storage/datasets?file=README.txt' },
  { name: 'storage-usage', path: '/data/storage?view=usage' },
  { name: 'datasets-empty', path: '/data/datasets' },
  {
    name: 'dataset-new',
    path: '/data/datasets',
    prepare: (page) => page.getByRole('button', { name: 'New dataset' }).first().click(),
  },
  { name: 'jobs', path: '/jobs' },
  { name: 'jobs-none', path: '/jobs?name=nobody' },
  {
    name: 'job-new',
    path: '/jobs/new?project=digits',
    async prepare(page) {
      await page.getByRole('textbox', { name: 'Command' }).fill('python train.py --epochs 5')
      await page.locator('label', { hasText: /^Folder$/ }).click()
      await page.locator('input[webkitdirectory]').setInputFiles(import.meta.dirname)
      await page.getByText('Largest').waitFor()
    },
  },
  { name: 'job', path: '/jobs/long-training?line=1' },
  { name: 'job-failed', path: '/jobs/diverged' },
  { name: 'job-waiting', path: '/jobs/waiting-4' },
  { name: 'job-metrics', path: '/jobs/long-training?tab=metrics' },
  { name: 'job-settings', path: '/jobs/baseline?tab=settings' },
  { name: 'job-events', path: '/jobs/stopped?tab=events' },
  { name: 'job-artifacts', path: '/jobs/baseline?tab=artifacts' },
  ...tracked,
  ...sweeps,
  { name: 'job-compare', path: '/jobs/compare?ids=baseline,wider,diverged' },
  { name: 'settings-secret-new', path: '/settings/secrets', prepare: (page) => press(page, 'New secret') },
  { name: 'settings-registry-new', path: '/settings/registries', prepare: (page) => press(page, 'New registry') },
  { name: 'settings-rule-new', path: '/settings/retention', prepare: (page) => press(page, 'New rule') },
  { name: 'model-keys', path: '/settings/model-keys' },
  { name: 'keyboard', path: '/projects', prepare: (page) => page.keyboard.press('?') },
  { name: 'palette-all', path: '/projects', prepare: (page) => page.keyboard.press('Control+k') },
]

/** Every page that `npm run shots` takes pictures of, at 1440 and 390 px, in light and in dark, by the server that has it. */
export const shots: Readonly<Record<ShotServer, readonly Shot[]>> = {
  empty,
  main: pages,
  data,
  notebooks,
  deployments,
  workflows,
}

async function press(page: Page, button: string): Promise<void> {
  await page.getByRole('button', { name: button }).first().click()
  await page.getByRole('dialog').waitFor()
}
