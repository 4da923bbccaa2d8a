import { defineCommand } from '../command.ts'
import { arg, flag } from '../flags.ts'
import { jobFlags } from '../job/flags.ts'
import { sayJob } from './job-say.ts'

export const run = defineCommand({
  name: 'run',
  about: 'Run a command with the files of this folder, and watch it',
  details: `
Sends the folder you are in, runs the command on the server, shows its log as it
is written, and exits with its exit code. What the command leaves in /artifacts
is kept; /storage is shared by all jobs of the team.

Files named in .gitignore and .nablaignore stay here, and so do .git and caches
such as __pycache__, node_modules and virtual environments.

Ctrl-C asks the job to stop; a second one leaves it to the server.`,
  args: { command: arg.words('the command and its arguments; a single word is a shell line') },
  flags: {
    ...jobFlags,
    detach: flag.on('only submit: do not wait for it', { short: 'd' }),
    detachOnInterrupt: flag.on('Ctrl-C leaves the job running'),
  },
  passThrough: true,
  examples: [
    { line: 'run -- python train.py --epochs 5', about: 'send this folder and train' },
    { line: "run -- 'make data && python train.py | tee /artifacts/log'", about: 'a shell line, quoted' },
    {
      line: 'run --machine-type C2 --time-limit 2h -- ./train.sh',
      about: 'on a larger slice, for two hours at most',
    },
    { line: 'run --env LR=0.1 --secret HF_TOKEN -- python train.py', about: 'with a variable and a secret' },
    { line: 'run --workspace https://github.com/me/code.git -- make', about: 'the files of a repository' },
    { line: 'run --build -- python train.py', about: 'in an image built from the Dockerfile here' },
    { line: 'run --dry-run', about: 'only show which files would travel' },
    { line: 'run --detach -- python train.py', about: 'come back later: nabla job logs --follow' },
  ],
  async run(context, { command }, flags) {
    const { previewJob, submitJob } = await import('../job/submit.ts')
    if (flags.dryRun) return previewJob(context, flags)
    const job = await submitJob(context, command, flags)
    await sayJob(context, job, flags.detach)
    if (flags.detach) return 0
    const { followJob } = await import('../job/follow.ts')
    return followJob(context, job, { onInterrupt: flags.detachOnInterrupt ? 'detach' : 'stop' })
  },
})
