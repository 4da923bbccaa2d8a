import type { DeploymentSpec } from '@nabla/api/deployment'
import { AppError } from '../../lib/app-error.ts'

const bad = (reason: string, fix: string): AppError => new AppError('bad_deployment', { reason, fix })

/** Refuses what could never serve. Throws AppError `bad_deployment`. */
export function checkDeployment(spec: DeploymentSpec): void {
  const { model, command, port, autoscaling, healthChecks } = spec
  if (model === null && command === null) {
    throw bad('there is nothing to serve', 'Name a model, or give a command that listens on $PORT.')
  }
  if (command === null && port !== null) {
    throw bad('the built-in server chooses its port by itself', 'Leave out `port`.')
  }
  if (autoscaling && autoscaling.min > autoscaling.max) {
    throw bad('`autoscaling.min` is larger than `autoscaling.max`', 'Make it as large at most.')
  }
  const { liveness, readiness } = healthChecks
  if (liveness && liveness.path === null && readiness.path === null && liveness.port !== readiness.port) {
    throw bad('it is ready on one port and alive on another', 'Give both checks the same port, or paths.')
  }
}

/** Refuses several instances that would listen on the same port of the machine. Throws AppError `bad_deployment`. */
export function checkCount(
  alone: boolean,
  spec: Pick<DeploymentSpec, 'port' | 'autoscaling'>,
  instances: number,
): void {
  const most = spec.autoscaling?.max ?? instances
  if (!alone || most <= 1) return
  throw bad(
    `${most} instances cannot all listen on port ${spec.port} of this machine`,
    'Leave out `port` and let the command listen on $PORT, or run it in an image.',
  )
}
