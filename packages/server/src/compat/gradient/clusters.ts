import type { MachineType } from '@nabla/api/machine-type'
import { z } from 'zod'
import { AppError } from '../../lib/app-error.ts'
import { anything, jsonIn, inside, optional } from './fields.ts'
import { type Exchange, gradientRoute } from './route.ts'
import { gradientMachineTypes } from '../../kinds/machine-names.ts'

/** A server is one cluster; whatever a client names as one is taken for it. */
export const clusterId = 'clnabla'

const cluster = { id: clusterId, name: 'nabla', type: 'Nabla', isPrivate: true, fqdn: '' }

export const clusterRoutes = [
  ...gradientRoute('GET', '/clusters/getClusters', anything, async ({ input }) => {
    // A page that is full is followed by another.
    const offset = Number(inside(jsonIn(input, 'filter'), 'offset') ?? 0)
    return offset > 0 ? [] : [cluster]
  }),
  ...gradientRoute('GET', '/clusters/getCluster', z.object({ id: optional }), async ({ input }) => {
    if (input.id === clusterId || input.id === cluster.name) return cluster
    throw new AppError('not_found', { noun: 'cluster', id: input.id ?? '' })
  }),
  // Never an empty list: the clients read the cluster from its first element.
  ...gradientRoute('GET', '/vmTypes/getVmTypesByClusters', z.unknown(), async (exchange) => {
    return { [clusterId]: (await offered(exchange)).map(toVmType) }
  }),
  ...gradientRoute('GET', '/jobs/getClusterAvailableMachineTypes', z.unknown(), async (exchange) =>
    (await offered(exchange)).map(({ name, available }) => ({
      region: 'nabla',
      cluster: cluster.name,
      machineType: name,
      isBusy: available === 0,
    })),
  ),
  ...gradientRoute('GET', '/machines/getAvailability', z.unknown(), async () => noMachines()),
  ...gradientRoute('GET', '/machines/getMachines', z.unknown(), async () => []),
  ...gradientRoute('GET', '/machines/getMachinePublic', z.unknown(), async () => noMachines()),
  ...gradientRoute('GET', '/machines/getUtilization', z.unknown(), async () => noMachines()),
  ...gradientRoute('POST', '/machines/createSingleMachinePublic', z.unknown(), async () => noMachines()),
  ...['start', 'stop', 'restart', 'destroyMachine', 'updateMachinePublic'].flatMap((verb) =>
    gradientRoute('POST', `/machines/:id/${verb}`, z.unknown(), async () => noMachines()),
  ),
]

function noMachines(): never {
  throw new AppError('invalid', {
    detail: 'This server lends no machines by themselves: run a job or a notebook on one of its machine types.',
  })
}

/** The machine types of this server, and the names of Gradient that stand for one. */
async function offered({ call, deps }: Exchange): Promise<MachineType[]> {
  const { items } = await call('machine-type', 'list', {})
  const more = gradientMachineTypes(deps).flatMap(({ name, means }) => {
    const type = items.find((one) => one.name === means)
    return type && !items.some((one) => one.name === name) ? [{ ...type, name }] : []
  })
  return [...items, ...more]
}

function toVmType({ name, cpus, memoryBytes, gpus, gpuName, available }: MachineType) {
  return {
    vmType: {
      label: name,
      kind: name,
      cpus,
      ram: String(memoryBytes),
      gpuCount: gpus,
      gpuModel: gpus === 0 ? null : { label: gpuName ?? 'GPU', model: gpuName ?? 'GPU', memInBytes: '0' },
      isPreemptible: false,
      deploymentType: 'nabla',
      deploymentSize: name,
    },
    clusters: [{ id: clusterId }],
    isAvailable: available > 0,
  }
}
