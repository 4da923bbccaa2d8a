import { runCli } from './cli.ts'
import { exitCodes } from './exit-codes.ts'
import { processVariables } from './settings.ts'

/** The CLI as a process: `bin/nabla` starts it here. */

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
