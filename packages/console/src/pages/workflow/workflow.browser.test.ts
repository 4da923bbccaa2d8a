import { expect, test } from 'vitest'
import { findBarriersInBothThemes } from '../../testing/browser.ts'
import { describeConsole } from '../../testing/console.ts'

const flow = `jobs:
  prepare:
    uses: script@v1
    with:
      script: ' run=900s print=preparing '
    inputs:
      rate: workflow.inputs.rate
  train:
    uses: script@v1
    needs: [prepare]
    with:
      script: ' run=1s '
inputs:
  rate:
    type: string
    with:
      value: '0.1'
`

describeConsole(
  'workflows',
  (console) => {
    test('one is pasted, mended, run, looked at, stopped, run again and deleted', { timeout: 120_000 }, async () => {
      const { client, open } = console()
      const page = await open('/workflows')
      await page.getByText('No workflows yet').waitFor()
      await page.getByRole('button', { name: 'New workflow' }).first().click()
      await page.getByLabel('Name', { exact: true }).fill('nightly')
      await page.getByRole('combobox', { name: 'Project' }).fill('digits')
      const editor = page.getByRole('textbox', { name: 'File, in YAML or JSON' })
      await editor.fill(flow.replace('[prepare]', '[prepared]'))
      const faults = page.getByRole('list', { name: 'What is wrong' })
      await faults.getByText('there is no job prepared').waitFor()
      expect(await page.getByRole('button', { name: 'Run', exact: true }).isDisabled()).toBe(true)
      await faults.getByRole('button', { name: 'Line 10' }).click()
      await editor.fill(flow)
      await page.getByLabel('rate', { exact: true }).fill('0.5')
      await page.getByText('nabla workflow run nightly -f flow.yaml --project digits --input rate=0.5').waitFor()
      await page
        .getByRole('region', { name: 'Graph of the run' })
        .getByRole('button', { name: /^train/ })
        .waitFor()
      expect(await findBarriersInBothThemes(page)).toEqual([])
      await page.getByRole('button', { name: 'Run', exact: true }).click()

      const graph = page.getByRole('region', { name: 'Graph of the run' })
      await page.getByRole('heading', { name: 'Run 1', exact: true }).waitFor()
      await graph.getByRole('button', { name: /^prepare Running/ }).waitFor()
      await page.getByText('preparing', { exact: true }).waitFor()
      await graph.getByRole('button', { name: /^train Waiting/ }).click()
      await page.getByRole('heading', { name: 'train', exact: true }).waitFor()
      expect(await findBarriersInBothThemes(page)).toEqual([])
      await page.getByRole('button', { name: 'Stop', exact: true }).click()
      await graph.getByRole('button', { name: /^train Cancelled/ }).waitFor()
      // From a job there is a way back to its run.
      await graph.getByRole('button', { name: /^prepare/ }).click()
      await page.getByRole('link', { name: 'nightly-1-prepare' }).click()
      await page.getByRole('link', { name: 'nightly, run 1' }).click()
      await page.getByRole('heading', { name: 'Run 1', exact: true }).waitFor()
      await page.getByRole('button', { name: 'Run again' }).click()
      await page.getByRole('heading', { name: 'Run 2', exact: true }).waitFor()
      await page.getByRole('tab', { name: 'Record' }).click()
      await page.getByText('0.5', { exact: true }).waitFor()
      const { items } = await client.workflow.list({})
      await client.workflow.stopRun({ workflow: items[0]!.id, number: 2, body: { graceSeconds: 0 } })

      await page.getByRole('navigation', { name: 'Breadcrumbs' }).getByRole('link', { name: 'nightly' }).click()
      const second = page.getByRole('row', { name: /Run 2/ })
      await second.getByText('Cancelled').waitFor()
      await page.getByRole('row', { name: /Run 1/ }).getByText('Cancelled').waitFor()
      expect(await findBarriersInBothThemes(page)).toEqual([])
      await page.getByRole('button', { name: 'More actions' }).click()
      await page.getByRole('menuitem', { name: 'Delete' }).click()
      const dialog = page.getByRole('dialog')
      await dialog.getByLabel('Type nightly to go on').fill('nightly')
      await dialog.getByRole('button', { name: 'Delete' }).click()
      await page.getByText('No workflows yet').waitFor()
    })
  },
  { seeded: false },
)
