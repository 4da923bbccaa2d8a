import { describe, expect, test } from 'vitest'
import { makeOutboundRules } from './outbound-rules.ts'

const reasonFor = (address: string, hosts: string[] = [], port = 80, host = 'name'): string | null => {
  try {
    makeOutboundRules({ hosts, ownPorts: [7070, 7071] }).check(address, host, port)
    return null
  } catch (error) {
    return (error as { params: { reason: string } }).params.reason
  }
}

const metadata = ['169.254.169.254', 'fe80::1', 'fd00:ec2::254', '100.100.100.200', '168.63.129.16']
const nowhere = ['0.0.0.0', '::', '224.0.0.1', '255.255.255.255', 'ff02::1', '::ffff:169.254.169.254']
const inside = ['127.0.0.1', '127.8.8.8', '::1', '10.1.2.3', '172.16.0.1', '172.31.255.255', '192.168.0.1']
const carried = ['::ffff:10.0.0.1', '::ffff:7f00:1', 'fd12::1', '64:ff9b::a00:1', '2002:a00:1::1', '100.64.0.1']

describe('what is asked on behalf of a user', () => {
  test.each(['93.184.216.34', '172.32.0.1', '2606:4700::1111', '::ffff:93.184.216.34'])('%s may be', (address) => {
    expect(reasonFor(address)).toBeNull()
  })

  test.each([...inside, ...carried])('%s is inside: only hosts that are allowed', (address) => {
    expect(reasonFor(address)).toBe('its address is in a private network')
    expect(reasonFor(address, ['*'])).toBeNull()
    expect(reasonFor(address, ['NAME'])).toBeNull()
    expect(reasonFor(address, ['name:80'])).toBeNull()
    expect(reasonFor(address, ['name:81', 'other'])).not.toBeNull()
  })

  test.each([...metadata, ...nowhere])('%s is never', (address) => {
    expect(reasonFor(address, ['*', 'name'])).toMatch(/of no server/)
  })

  test.each(['127.0.0.1', '127.1.1.1', '::1', '::ffff:127.0.0.1'])('this server at %s is never', (address) => {
    for (const port of [7070, 7071]) expect(reasonFor(address, ['*'], port)).toBe('it is this server itself')
    expect(reasonFor(address, ['*'], 7072)).toBeNull()
  })
})
