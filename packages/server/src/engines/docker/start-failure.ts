import type { TaskSpec } from '../engine.ts'
import { SetupFailure } from './exit.ts'

/** Why a container could not be made or started, for a person. What is not known is passed on as the daemon says it. */
export function startFailure(spec: TaskSpec, words: string): SetupFailure {
  const user = (reason: string) => new SetupFailure(reason, 'user')
  if (/\/bin\/sh.*no such file|no such file.*\/bin\/sh|"\/bin\/sh": stat/i.test(words)) {
    return user(`The image ${spec.image} has no shell (/bin/sh), which starts the command.`)
  }
  if (/exec format error/i.test(words)) {
    return user(`The image ${spec.image} is not made for the processor of this machine.`)
  }
  if (/unable to find user|no matching entries in passwd|unable to find group|user: unknown/i.test(words)) {
    return user(`The image ${spec.image} has no user ${spec.container?.user ?? ''}.`)
  }
  if (/could not select device driver|unresolvable CDI|CDI device|nvidia-container/i.test(words)) {
    const hint = 'Install the NVIDIA Container Toolkit, and describe the GPUs with `nvidia-ctk cdi generate`.'
    return new SetupFailure(`The container engine cannot give out GPUs: ${words}. ${hint}`, 'machine')
  }
  if (/no space left/i.test(words)) {
    return new SetupFailure('There is no room on the disk of the container engine for another container.', 'machine')
  }
  return new SetupFailure(`Its container could not be started: ${words}`, 'machine')
}
