import { expect, test } from 'vitest'
import { eachDatabase } from '../testing/database.ts'
import { startTestServer } from '../testing/server.ts'

const addresses = [
  '/jobs/a%00b',
  '/jobs?name=a%00',
  '/jobs?tag=%00x',
  '/jobs?project=%00',
  '/projects/%00',
  '/events?subject=%00',
  '/events?project=%00',
  '/teams/%00/members',
  '/storage?path=%00',
]

/** Odd, and allowed: found to be not there, or found nothing by. */
const oddities = ['%ff', '%ed%a0%80', '%F0%9F%92%A5', "'%20or%201=1--", '%25', '_', '%E2%80%AE', 'x'.repeat(100)]

eachDatabase((make) => {
  test('an address with a NUL is refused, whatever the database', async () => {
    const server = await startTestServer(make)
    for (const address of addresses) {
      const response = await get(server, address)
      expect([address, response.status, await response.json()]).toMatchObject([
        address,
        400,
        { error: { code: 'invalid', hint: expect.stringMatching(/\w/) } },
      ])
    }
  })

  test('other odd text finds nothing, and breaks nothing', async () => {
    const server = await startTestServer(make)
    for (const text of oddities) {
      for (const address of [`/jobs/${text}`, `/projects/${text}`, `/jobs?name=${text}`, `/jobs?tag=${text}`]) {
        const { status } = await get(server, address)
        expect([address, status]).toEqual([address, expect.toBeOneOf([200, 400, 404])])
      }
    }
  })
})

function get(server: Awaited<ReturnType<typeof startTestServer>>, address: string): Promise<Response> {
  const headers = { authorization: `Bearer ${server.key}` }
  return fetch(`${server.running().url}/api/v1${address}`, { headers })
}
