import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { seedRuns } from '../../../../../tools/seed-runs.ts'
import { findBarriers, findBarriersInBothThemes } from '../../testing/browser.ts'
import { describeConsole } from '../../testing/console.ts'

describeConsole(
  'runs',
  (console) => {
    test('a table that is filtered, ordered and kept in the address, and pictures of it', async () => {
      const { client, open } = console()
      await seedRuns(client, 12)
      const { items } = await client.run.list({ columns: 'params.lr,metrics.train%2Floss' })
      expect(Object.keys(items[0]!.params)).toEqual(['lr'])
      expect(Object.keys(items[0]!.metrics)).toEqual(['train/loss'])
      const page = await open('/runs')
      const grid = page.getByRole('grid', { name: 'Runs' })
      await grid.getByRole('link', { name: 'cnn-1', exact: true }).waitFor()
      const filter = page.getByLabel('Filter of runs').first()
      await filter.fill('params.mo')
      await page.getByRole('option', { name: 'params.model' }).click()
      await filter.fill(`${await filter.inputValue()}= "mlp"`)
      await filter.press('Enter')
      await grid.getByRole('link', { name: 'cnn-1', exact: true }).waitFor({ state: 'detached' })
      await grid.getByRole('columnheader', { name: 'accuracy' }).getByRole('button').click()
      await expect.poll(() => new URL(page.url()).searchParams.get('order')).toBe('metrics.accuracy asc')
      await filter.fill('metrics.accuracy >')
      await filter.press('Enter')
      await page.getByText('The filter cannot be read').waitFor()
      await filter.fill('')
      await filter.press('Enter')
      await grid.getByRole('link', { name: 'cnn-1', exact: true }).waitFor()
      expect(await findBarriersInBothThemes(page)).toEqual([])
      for (const [view, shown] of [
        ['Parallel', page.getByRole('group', { name: 'Parallel coordinates' })],
        ['Scatter', page.getByRole('application', { name: 'accuracy over batch_size' })],
        ['Importance', page.getByText('By how much a random forest is worse')],
      ] as const) {
        await page.locator('label', { hasText: new RegExp(`^${view}$`) }).click()
        await shown.waitFor()
        expect(await findBarriers(page)).toEqual([])
      }
    })

    test('one run: curves that grow as they are logged, parameters, a note', async () => {
      const { client, open } = console()
      const { id } = await client.run.create({ body: { project: 'live', name: 'growing' } })
      const log = (name: string, step: number, value: number) =>
        client.run.log({ run: id, body: { metrics: [{ name, step, value }], params: { lr: '0.1' } } })
      await log('loss', 0, 3)
      // As MLflow's client prints it.
      const page = await open(`/#/experiments/p1/runs/${id}`)
      const legend = page.getByRole('figure', { name: 'loss', exact: true }).getByRole('listitem')
      await expect.poll(() => legend.innerText(), { timeout: 15_000 }).toMatch(/last\s+3$/)
      expect(new URL(page.url()).pathname).toBe(`/runs/${id}`)
      let step = 1
      await expect
        .poll(
          async () => {
            await log('loss', step, step / 8)
            step += 1
            return await legend.innerText()
          },
          { timeout: 20_000 },
        )
        .toMatch(/last\s+[012]/)
      await log('accuracy', 1, 0.5)
      await page.getByRole('figure', { name: 'accuracy', exact: true }).waitFor()
      expect(await findBarriersInBothThemes(page)).toEqual([])
      await page.getByRole('tab', { name: 'Parameters' }).click()
      await page.getByRole('region', { name: 'Parameters: table' }).getByText('0.1').waitFor()
      await page.getByRole('tab', { name: 'Note' }).click()
      await page.getByRole('button', { name: 'Change' }).click()
      await page.getByRole('textbox', { name: 'Note' }).fill('**bold** <img src=x onerror=alert(1)>')
      await page.getByRole('button', { name: 'Save' }).click()
      await page.locator('strong', { hasText: 'bold' }).waitFor()
      expect(await page.locator('.markdown img').count()).toBe(0)
    })

    test('values in the table are those that runs log now, and files of a run elsewhere are shown', async () => {
      const { client, key, url, open } = console()
      const { id } = await client.run.create({ body: { project: 'elsewhere', name: 'on a laptop' } })
      const log = (step: number) => client.run.log({ run: id, body: { metrics: [{ name: 'err', step, value: step }] } })
      await log(1)
      const page = await open('/runs?filter=metrics.err > 0')
      await client.run.create({ body: { project: 'elsewhere', name: 'fold 1', parentRun: id } })
      const row = page.getByRole('row', { name: /on a laptop/ })
      const shown = () => row.innerText()
      await expect.poll(shown, { timeout: 20_000 }).toMatch(/\b1\b/)
      let step = 100
      await expect
        .poll(
          async () => {
            await log(step)
            step += 1
            return shown()
          },
          { timeout: 20_000 },
        )
        .toMatch(/\b1\d\d\b/)
      const put = (path: string, body: string) =>
        fetch(`${url}/api/2.0/mlflow-artifacts/artifacts/${id}/${path}`, {
          method: 'PUT',
          headers: { authorization: `Bearer ${key}` },
          body,
        })
      for (const at of [1, 2]) {
        const name = `notes%25step%25${at}%25timestamp%25170000000${at}%25x.txt`
        expect((await put(`texts/${name}`, `step ${at}`)).status).toBe(200)
      }
      const bars = JSON.stringify({ least: 0, limits: [1, 2], counts: [3, 4] })
      await put('histograms/weights%25step%251%25timestamp%2517%25events.histogram.json', bars)
      await page.goto(`${url}/runs/${id}?tab=artifacts`)
      await page
        .getByRole('link', { name: 'texts' })
        .or(page.getByRole('button', { name: 'texts' }))
        .first()
        .waitFor()
      await page.getByRole('tab', { name: 'Images and tables' }).click()
      await page.getByText('step 2').first().waitFor()
      await page.getByRole('img', { name: '7 values from 0 to 2' }).waitFor()
      await page.getByRole('tab', { name: 'Child runs' }).click()
      await page.getByRole('link', { name: 'fold 1', exact: true }).waitFor()
      expect(await findBarriers(page)).toEqual([])
    })

    test('several over each other: curves, and only what differs', async () => {
      const { client, open } = console()
      const ids: string[] = []
      for (const lr of ['0.1', '0.2']) {
        const { id } = await client.run.create({ body: { project: 'compared', name: `lr ${lr}` } })
        const metrics = [0, 1, 2].map((step) => ({ name: 'loss', step, value: step * Number(lr) }))
        await client.run.log({ run: id, body: { metrics, params: { lr, same: 'x' } } })
        ids.push(id)
      }
      const page = await open(`/runs/compare?ids=${ids.join(',')}`)
      await page.getByRole('figure', { name: 'loss' }).getByRole('button', { name: 'lr 0.2' }).click()
      await expect.poll(() => new URL(page.url()).searchParams.get('hide')).toBe(ids[1])
      const saved = page.waitForEvent('download')
      await page.getByRole('figure', { name: 'loss' }).getByRole('button', { name: 'CSV' }).click()
      const file = await saved
      expect(file.suggestedFilename()).toBe('loss.csv')
      const [heads, ...rows] = (await readFile(await file.path(), 'utf8')).trimEnd().split('\r\n')
      expect(heads).toBe('run,id,step,time,value,least,most')
      expect(rows.map((row) => row.split(',')[1])).toEqual([ids[0], ids[0], ids[0]])
      expect(await findBarriersInBothThemes(page)).toEqual([])
      await page.getByRole('tab', { name: 'Parameters' }).click()
      const table = page.getByRole('region', { name: 'Parameters: table' })
      await table.getByRole('row', { name: 'lr 0.1 0.2' }).waitFor()
      expect(await table.getByText('same').count()).toBe(0)
      await page.getByRole('switch', { name: 'Only differences' }).click()
      await table.getByText('same').waitFor()
    })
  },
  { seeded: false },
)
