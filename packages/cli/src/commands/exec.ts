import { defineCommand } from '../command.ts'
import { arg, flag } from '../flags.ts'
import { runProgram, sizeOf } from '../exec/run-program.ts'
import { readEnv } from '../read-env.ts'

/** A shell of the job: the better one if there are two. */
const shell = ['/bin/sh', '-c', 'if command -v bash >/dev/null; then exec bash; else exec sh; fi']

export const exec = defineCommand({
  name: 'exec',
  about: 'Run a program inside a running job, or open a shell there',
  details: `
The program has the files, the variables and the limits of the job, and no more rights. It exits as the
program did. At a terminal it gets one too; in a pipe it reads and writes bytes. Who ran what is in the
events of the job.`,
  args: {
    job: arg.required('name or id of the job', 'job'),
    command: arg.words('the program and its arguments; a shell if left out'),
  },
  flags: {
    interactive: flag.on('read standard input, also where it is no terminal', { short: 'i' }),
    tty: flag.on('give it a terminal', { short: 't' }),
    noTty: flag.on('give it none, also at a terminal'),
    env: flag.texts('NAME=value', 'a variable for the program', { short: 'e' }),
    workingDir: flag.text('path', 'folder where it starts', { fallback: 'that of the job', short: 'w' }),
    user: flag.text('user', 'name or number, in images only'),
  },
  passThrough: true,
  examples: [
    { line: 'exec train-7', about: 'a shell in a job' },
    { line: 'exec train-7 -- nvidia-smi', about: 'one program' },
    { line: 'exec train-7 -- tar c /artifacts > artifacts.tar', about: 'its output into a file' },
    { line: 'exec -i train-7 -- python - < look.py', about: 'with input' },
  ],
  async run(context, { job, command: words }, flags) {
    const { io } = context
    // Two dashes may stand before the command, and need not: all after the job is its own.
    const command = words[0] === '--' ? words.slice(1) : words
    const atTerminal = io.stdin.isTTY === true && (io.stdout as { isTTY?: boolean }).isTTY === true
    const tty = !flags.noTty && (flags.tty || atTerminal)
    const readInput = flags.interactive || tty || io.stdin.isTTY !== true
    return runProgram(
      context,
      job,
      {
        argv: command.length > 0 ? command : shell,
        tty,
        ...sizeOf(context),
        env: await readEnv(context, { env: flags.env, envFile: [], secret: [] }),
        ...(flags.workingDir !== undefined && { workingDir: flags.workingDir }),
        ...(flags.user !== undefined && { user: flags.user }),
      },
      readInput,
    )
  },
})
