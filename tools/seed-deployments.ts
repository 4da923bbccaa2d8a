import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Client } from '@nabla/api/client'

/**
 * Puts deployments onto a server with the fake engine, whose requests a small program here answers: one that runs, with
 * two revisions and some traffic, and one that is stopped. Returns what ends the program.
 */
export async function seedDeployments(client: Client): Promise<() => void> {
  const program = createServer((request, response) => {
    response.setHeader('content-type', 'application/json')
    if (request.url === '/openapi.json') {
      response.end(JSON.stringify({ paths }))
      return
    }
    if (request.url === '/broken') response.statusCode = 500
    request.resume().on('end', () => setTimeout(() => response.end(answer), 3 + Math.random() * 40))
  })
  await new Promise<void>((resolve) => program.listen(0, '127.0.0.1', resolve))
  const { port } = program.address() as AddressInfo
  const common = { project: 'tracked', machineType: 'small', port }
  const command = 'run=36000s print=Uvicorn_running_on_http://0.0.0.0:8000'
  await client.deployment.create({
    body: { ...common, name: 'iris-api', command, tags: ['shop'], note: 'Behind the **shop**.' },
  })
  const { state } = await client.deployment.wait({ deployment: 'iris-api', seconds: 30 })
  if (state !== 'running') throw new Error(`the deployment is ${state}`)
  await ask(client, 40)
  await client.deployment.update({ deployment: 'iris-api', body: { env: { LEVEL: 'debug' } } })
  await client.deployment.wait({ deployment: 'iris-api', seconds: 30 })
  await ask(client, 80)
  await client.deployment.create({ body: { ...common, name: 'for-later', command, start: false } })
  return () => {
    program.closeAllConnections()
    program.close()
  }
}

const answer = JSON.stringify({ label: [0], probabilities: [[0.97, 0.02, 0.01]] })
const content = { 'application/json': { example: { X: [[5.1, 3.5, 1.4, 0.2]] } } }
const paths = {
  '/predict': { post: { summary: 'Predict with iris', requestBody: { content } } },
  '/health': { get: { summary: 'Whether it is well' } },
}

async function ask(client: Client, count: number): Promise<void> {
  for (let number = 0; number < count; number++) {
    const path = number % 17 === 3 ? '/broken' : '/predict'
    await client.deployment.send({ deployment: 'iris-api', body: { path, body: '{"X": [[5.1, 3.5, 1.4, 0.2]]}' } })
  }
}
