import { experimentSpec, type ExperimentScheme } from '@nabla/api/experiment'
import { describe, expect, test } from 'vitest'
import { limits } from '../../lib/limits.ts'
import { nodesOf } from './nodes.ts'
import { commandOf, environmentOf, gangOf, type Meeting } from './rendezvous.ts'

function meet(scheme: ExperimentScheme, counts: Record<string, number>, more: Partial<Meeting> = {}): Meeting {
  const roles = Object.entries(counts).map(([name, count]) => ({ name, count, command: 'true' }))
  const nodes = nodesOf(experimentSpec.parse({ kind: 'multi-node', scheme, roles }))
  return {
    experiment: { id: 'e1', name: 'one', attempt: 2 },
    scheme,
    nodes,
    places: nodes.map(() => 2),
    gpus: nodes.map(() => 0),
    slot: 3,
    startLimitSeconds: 60,
    sharesNetwork: true,
    ...more,
  }
}

const envOf = (meeting: Meeting, rank: number) => environmentOf(meeting, meeting.nodes[rank]!)
const first = limits.gangFirstPort + 3 * limits.gangPorts

describe('the nodes of an experiment', () => {
  test('have names, ranks and addresses of their own, whoever leads first', () => {
    const meeting = meet('mpi', { worker: 2, master: 1 })
    expect(meeting.nodes.map(({ host, rank }) => `${rank} ${host}`)).toEqual(['0 master-0', '1 worker-0', '2 worker-1'])
    const gang = gangOf(meeting, meeting.nodes[1]!)
    expect(gang).toMatchObject({ id: 'e1-2', size: 3, hostname: 'worker-0' })
    expect(gang.hosts).toEqual({ 'master-0': '127.77.3.1', 'worker-0': '127.77.3.2', 'worker-1': '127.77.3.3' })
    expect(gang.files['hostfile']).toBe('master-0 slots=2\nworker-0 slots=2\nworker-1 slots=2\n')
    expect(gang.files['nodes']).toBe(`master-0 ${first}\nworker-0 ${first + 1}\nworker-1 ${first + 2}\n`)
  })

  test('of TensorFlow find the cluster in both forms', () => {
    const meeting = meet('tensorflow', { ps: 1, worker: 2 })
    const at = [`worker-0:${first}`, `worker-1:${first + 1}`, `ps-0:${first + 2}`]
    const [master, worker, ps] = [envOf(meeting, 0), envOf(meeting, 1), envOf(meeting, 2)]
    expect(JSON.parse(worker['TF_CONFIG']!)).toEqual({
      cluster: { worker: at.slice(0, 2), ps: at.slice(2) },
      task: { type: 'worker', index: 1 },
    })
    expect(master['PS_CONFIG']!.length % 4).toBe(0)
    const older: unknown = JSON.parse(Buffer.from(master['PS_CONFIG']!, 'base64url').toString())
    expect(older).toEqual({
      cluster: { master: at.slice(0, 1), worker: at.slice(0, 2), ps: at.slice(2) },
      task: { type: 'master', index: 0 },
      environment: 'cloud',
    })
    expect([master, worker, ps].map((env) => `${env['TYPE']} ${env['INDEX']}`)).toEqual([
      'master 0',
      'worker 1',
      'ps 0',
    ])
    expect(ps).toMatchObject({ WORKER_HOSTS: at.slice(0, 2).join(','), PS_HOSTS: at[2] })
  })

  test('of PyTorch and JAX are told the first one, at a port that no node has', () => {
    const port = String(first + limits.gangPorts / 2)
    const torch = envOf(meet('pytorch', { worker: 2 }, { gpus: [0, 4] }), 1)
    expect(torch).toMatchObject({ MASTER_ADDR: 'worker-0', MASTER_PORT: port, RANK: '1', WORLD_SIZE: '2' })
    expect(torch).toMatchObject({ PET_NNODES: '2', PET_NODE_RANK: '1', PET_NPROC_PER_NODE: '4' })
    expect(envOf(meet('jax', { worker: 3 }), 2)).toMatchObject({
      JAX_COORDINATOR_ADDRESS: `worker-0:${port}`,
      JAX_NUM_PROCESSES: '3',
      JAX_PROCESS_ID: '2',
    })
  })

  test('of MPI wait beside their own command, and use the loopback only where they share it', () => {
    expect(commandOf('mpi', 'worker', undefined)).toBe('exec python3 /generated/launch serve')
    expect(commandOf('mpi', 'worker', 'sleep 9')).toBe('python3 /generated/launch serve &\nsleep 9')
    expect(commandOf('jax', 'worker', 'train')).toBe('train')
    expect(envOf(meet('mpi', { master: 1 }), 0)['OMPI_MCA_btl_tcp_if_include']).toBe('lo')
    expect(envOf(meet('mpi', { master: 1 }, { sharesNetwork: false }), 0)).not.toHaveProperty(
      'OMPI_MCA_btl_tcp_if_include',
    )
  })

  test('have ports below those that the kernel gives out, in every slot', () => {
    const last = limits.gangFirstPort + limits.gangSlots * limits.gangPorts
    expect(last).toBeLessThanOrEqual(32_768)
    expect(limits.gangSlots).toBeLessThan(256)
  })
})
