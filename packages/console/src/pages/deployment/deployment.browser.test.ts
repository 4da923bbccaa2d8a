import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findBarriersInBothThemes } from '../../testing/browser.ts'
import { describeConsole } from '../../testing/console.ts'

/** What a program would serve: the engine that is not real runs none, and sends requests to this address. */
let program: Server
beforeAll(async () => {
  program = createServer((request, response) => {
    if (request.url === '/openapi.json') {
      const content = { 'application/json': { example: { x: [1, 2] } } }
      const paths = { '/predict': { post: { summary: 'Predict', requestBody: { content } } } }
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ paths }))
      return
    }
    request.resume().on('end', () => response.setHeader('content-type', 'application/json').end('{"y":[3]}'))
  })
  await new Promise<void>((resolve) => program.listen(0, '127.0.0.1', resolve))
})
afterAll(() => {
  program.closeAllConnections()
  program.close()
})

describeConsole(
  'deployments',
  (console) => {
    test('made from nothing, and tried', async () => {
      const { open } = console()
      const { port } = program.address() as AddressInfo
      const page = await open('/deployments')
      await page.getByText('No deployments yet.').waitFor()
      await page.getByRole('button', { name: 'New deployment' }).first().click()
      await page.locator('label', { hasText: /^A program$/ }).click()
      await page.getByRole('button', { name: 'Deploy', exact: true }).click()
      await page.getByText('Write the command that listens on $PORT.').waitFor()
      await page.getByRole('textbox', { name: 'Command' }).fill('run=3600s print=hello')
      await page.getByRole('textbox', { name: 'Name', exact: true }).first().fill('shop')
      await page.getByRole('textbox', { name: 'Port' }).fill(String(port))
      await page.getByText(`deploy --workspace none --name shop --project default --port ${port}`).waitFor()
      expect(await findBarriersInBothThemes(page)).toEqual([])
      await page.getByRole('button', { name: 'Deploy', exact: true }).click()
      await page.getByRole('heading', { name: 'shop' }).waitFor()
      await page.getByRole('status').getByText('Running').waitFor({ timeout: 30_000 })
      await page.getByRole('tab', { name: 'Try it' }).click()
      const body = page.getByRole('textbox', { name: 'Body' })
      await expect.poll(() => body.inputValue(), { timeout: 20_000 }).toContain('"x"')
      await page.getByText('deployment predict shop --path /predict').waitFor()
      await page.getByRole('button', { name: 'Send' }).click()
      await page.getByRole('region', { name: 'Answer' }).getByText('"y"').waitFor()
      expect(await findBarriersInBothThemes(page)).toEqual([])
    }, 90_000)

    test('looked at, changed, rolled back, stopped and deleted', async () => {
      const { client, open } = console()
      const page = await open('/deployments/shop?tab=requests')
      await page.getByRole('figure', { name: 'Requests' }).waitFor({ timeout: 30_000 })
      expect(await findBarriersInBothThemes(page)).toEqual([])
      await page.getByRole('tab', { name: 'Logs' }).click()
      await page
        .getByRole('region', { name: /Log of/ })
        .getByText('hello')
        .waitFor()
      await page.getByRole('tab', { name: 'Instances' }).click()
      await page.getByRole('row', { name: /Ready/ }).waitFor()
      await client.deployment.update({ deployment: 'shop', body: { env: { LEVEL: 'debug' } } })
      await page.getByRole('tab', { name: 'Revisions' }).click()
      const revisions = page.getByRole('list', { name: 'Revisions' })
      await revisions.getByText('env.LEVEL').waitFor()
      expect(await findBarriersInBothThemes(page)).toEqual([])
      await revisions.getByRole('button', { name: 'Roll back to revision 1' }).click()
      await revisions.getByText('brought back from revision 1').waitFor()

      await page.getByRole('button', { name: 'More actions' }).click()
      await page.getByRole('menuitem', { name: 'Stop', exact: true }).click()
      await page.getByRole('dialog').getByRole('button', { name: 'Stop' }).click()
      await page.getByRole('status').getByText('Stopped', { exact: true }).waitFor({ timeout: 30_000 })
      await page.getByRole('button', { name: 'More actions' }).click()
      await page.getByRole('menuitem', { name: 'Delete' }).click()
      const dialog = page.getByRole('dialog')
      await dialog.getByRole('textbox').fill('shop')
      await dialog.getByRole('button', { name: 'Delete' }).click()
      await page.getByText('No deployments yet.').waitFor()
      expect((await client.deployment.list({})).items).toEqual([])
    }, 90_000)

    test('a change says only what is otherwise', async () => {
      const { client, open } = console()
      const body = { project: 'p', name: 'quiet', command: 'run=60s', machineType: 'small', start: false }
      const { id } = await client.deployment.create({ body })
      const page = await open(`/deployments/new?change=${id}`)
      await page.getByRole('textbox', { name: 'How many' }).fill('2')
      await page.getByText('deployment update quiet --instances 2').waitFor()
      await page.locator('label', { hasText: /^Anyone$/ }).click()
      await page.getByText('deployment update quiet --instances 2 --auth public').waitFor()
      await page.getByRole('button', { name: 'Change', exact: true }).click()
      await page.getByRole('heading', { name: 'quiet' }).waitFor()
      await page.getByText('Anyone who reaches this server may send requests.').waitFor()
      const { spec } = await client.deployment.show({ deployment: id })
      expect(spec).toMatchObject({ instances: 2, auth: { kind: 'public' }, command: 'run=60s' })
    })
  },
  { seeded: false },
)
