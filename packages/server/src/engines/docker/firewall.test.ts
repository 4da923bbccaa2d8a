import { afterEach, describe, expect, test } from 'vitest'

import { iptables, nft } from './firewall.ts'
import { NetworkGuard } from './network-guard.ts'
import { lacks } from './testing/daemon.ts'

const path = `${process.env['PATH']}:/usr/sbin:/sbin`

for (const [name, make] of Object.entries({ iptables, nft })) {
  const reason = lacks(name === 'nft' ? 'nftables' : name, [name])
  describe.skipIf(reason !== null)(reason === null ? name : `${name}: ${reason}`, () => {
    const [own, other] = [make(path, `one${process.pid}`), make(path, `two${process.pid}`)]
    const network = 'nabla-0123456789ab'
    afterEach(() => Promise.all([own, other].map((firewall) => firewall.open(network))))

    test('closes a port for a network once, and opens it for that server alone', async () => {
      const bridge = { network, interface: 'nabla-none' }
      expect(await own.list()).toEqual([])
      await own.open(network)
      await own.close(bridge, 5432)
      await own.close({ ...bridge, interface: 'nabla-new' }, 6432)
      await other.close(bridge, 5432)
      expect(await own.list()).toEqual([network])
      await other.open(network)
      expect(await other.list()).toEqual([])
      expect(await own.list()).toEqual([network])
      await own.open(network)
      expect(await own.list()).toEqual([])
    })
  })
}

const reason = lacks('iptables', ['iptables'])
const name = 'a firewall that refuses is told of, with what to do'
test.skipIf(reason !== null)(reason === null ? name : `${name}: ${reason}`, async () => {
  const guard = new NetworkGuard(path, `one${process.pid}`, { host: '127.0.0.1', port: 5432 })
  const network = { network: 'nabla-0123456789ab', interface: 'a-name-longer-than-the-kernel-takes', subnets: [] }
  await expect(guard.block(network)).rejects.toThrow(
    /^iptables did not close the database of the server to containers: .*a-name-longer.*Try `iptables` by hand/s,
  )
})
