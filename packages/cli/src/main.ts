import module from 'node:module'

/** The CLI as a process: `bin/nabla` starts it here. */

// What was compiled once is kept: it halves the time to start. So nothing else is imported before this line.
module.enableCompileCache()
const { runCli } = await import('./cli.ts')
const { exitCodes } = await import('./exit-codes.ts')
const { processVariables } = await import('./settings.ts')

const interruptHandlers: (() => void)[] = []

process.on('SIGINT', () => {
  const handler = interruptHandlers.at(-1)
  if (handler) handler()
  else process.exit(exitCodes.interrupted.code)
})

const exitCode = await runCli(process.argv.slice(2), {
  cwd: process.cwd(),
  variables: processVariables(),
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  now: Date.now,
  onInterrupt(handler) {
    interruptHandlers.push(handler)
    return () => {
      const index = interruptHandlers.lastIndexOf(handler)
      if (index !== -1) interruptHandlers.splice(index, 1)
    }
  },
})

// Kept-alive connections to the server would hold the process for seconds.
process.exit(exitCode)
