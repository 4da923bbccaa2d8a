import { expect, test } from 'vitest'
import { findBarriersInBothThemes } from '../../testing/browser.ts'
import { describeConsole } from '../../testing/console.ts'

describeConsole('home', (console) => {
  test('says what runs, what failed and why, what waits and for what, and what the machine does', async () => {
    const { client, open } = console()
    const { items } = await client.job.list({ name: 'diverged' })
    await client.job.wait({ job: items[0]!.id })
    const page = await open('/')
    const running = page.getByRole('region', { name: 'Running' })
    const training = running.getByRole('listitem').filter({ hasText: 'long-training' })
    await training.getByText('Run', { exact: true }).waitFor()
    const failed = page.getByRole('region', { name: 'Failed lately' })
    const row = failed.getByRole('listitem').filter({ hasText: 'diverged' })
    await row.getByText('The command ended with exit code 1.').waitFor()
    const queue = page.getByRole('region', { name: 'Queue' })
    await queue.getByText('the processors are taken').first().waitFor()
    await queue.getByTitle('Place 1 in the queue', { exact: true }).waitFor()
    const machine = page.getByRole('region', { name: 'Machine', exact: true })
    await machine.getByText(/ cores$/).waitFor()
    await machine.getByText('given out').first().waitFor()
    await page.getByRole('region', { name: 'Activity' }).getByText('succeeded').first().waitFor()
    expect(await findBarriersInBothThemes(page)).toEqual([])
  })

  test('hears what begins and what ends', async () => {
    const { client, open } = console()
    const page = await open('/')
    await page.getByRole('region', { name: 'Running' }).getByRole('link', { name: 'long-training' }).waitFor()
    const job = await client.job.create({ body: { project: 'digits', name: 'short-lived', command: 'run=3600s' } })
    const row = page.getByRole('region', { name: 'Running' }).getByRole('link', { name: 'short-lived' })
    await row.waitFor()
    await client.job.stop({ job: job.id, body: { graceSeconds: 0 } })
    await row.waitFor({ state: 'detached' })
    await page.getByRole('region', { name: 'Activity' }).getByText('cancelled').first().waitFor()
  })

  test('leads to the line of the log that tells of the error', async () => {
    const { client, open } = console()
    const { id } = await client.job.create({
      body: { project: 'digits', name: 'broken', command: 'run=1s print=RuntimeError:_CUDA_out_of_memory exit=1' },
    })
    await client.job.wait({ job: id })
    const page = await open('/')
    await page
      .getByRole('region', { name: 'Failed lately' })
      .getByRole('link', { name: /RuntimeError/ })
      .click()
    await page.getByRole('heading', { name: 'broken' }).waitFor()
    expect(new URL(page.url()).searchParams.get('line')).toMatch(/^\d+$/)
  })
})

describeConsole(
  'home, before the first job',
  (console) => {
    test('teaches the first job with the commands for this server', async () => {
      const { url, open } = console()
      const page = await open('/')
      await page.getByText(`nabla login --url ${url}`).waitFor()
      await page.getByText('nabla run -- python main.py').waitFor()
      expect(await page.getByRole('link', { name: 'Make a job here' }).getAttribute('href')).toBe('/jobs/new')
      expect(await findBarriersInBothThemes(page)).toEqual([])
    })
  },
  { seeded: false },
)
