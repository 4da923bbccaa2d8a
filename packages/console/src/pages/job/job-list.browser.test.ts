import { expect, test } from 'vitest'
import { findBarriersInBothThemes } from '../../testing/browser.ts'
import { describeConsole } from '../../testing/console.ts'

describeConsole('the list of jobs', (console) => {
  test('is filtered by states that count, name and tag, kept in the address', async () => {
    const page = await console().open('/jobs?tag=keep')
    await page.getByRole('row', { name: /baseline/ }).waitFor()
    const states = page.getByRole('group', { name: 'Jobs by state' })
    await states.getByRole('button', { name: 'All 1' }).waitFor()
    await page.getByRole('button', { name: 'Remove filter Tag keep' }).click()
    await page.getByRole('row', { name: /waiting-1/ }).waitFor()
    await states.getByRole('button', { name: /^failed 3/i }).waitFor()
    await states.getByRole('button', { name: /^failed/i }).click()
    await page.getByRole('row', { name: /waiting-1/ }).waitFor({ state: 'detached' })
    await states.getByRole('button', { name: /^pending/i }).click()
    await page.getByRole('row', { name: /waiting-1/ }).waitFor()
    expect(new URL(page.url()).searchParams.getAll('state')).toEqual(['failed', 'pending'])
    await page.getByRole('searchbox').fill('waiting-2')
    await page.keyboard.press('Enter')
    await page.getByRole('row', { name: /waiting-1/ }).waitFor({ state: 'detached' })
    await states.getByRole('button', { name: /^failed 0/i }).waitFor()
    await page.reload()
    await page.getByRole('row', { name: /waiting-2/ }).waitFor()
    await page.getByRole('searchbox').fill('nobody')
    await page.getByText('nabla job list --state failed --state pending --name nobody').waitFor()
    await page.getByRole('button', { name: 'Show all jobs' }).click()
    await page.getByRole('row', { name: /waiting-1/ }).waitFor()
  })

  test('shows what becomes of a job as it happens, and says why something cannot be done', async () => {
    const { client, open } = console()
    const page = await open('/jobs?name=live')
    await page.getByText('No job is like that').waitFor()
    const { id } = await client.job.create({ body: { project: 'digits', name: 'live', command: 'run=3600s' } })
    const row = page.getByRole('row', { name: /live/ })
    await row.getByText('running').waitFor()
    await row.getByRole('button', { name: 'Actions for live' }).click()
    await page.getByRole('menuitem', { name: /Delete.*Stop it first/ }).waitFor()
    await page.getByRole('menuitem', { name: 'Stop', exact: true }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByText(`nabla job stop ${id}`).waitFor()
    await dialog.getByRole('button', { name: 'Stop' }).click()
    await row.getByText('cancelled').waitFor()
    await row.getByRole('button', { name: 'Actions for live' }).click()
    await page.getByRole('menuitem', { name: /Stop.*It has ended/ }).waitFor()
    await page.getByRole('menuitem', { name: 'Delete' }).click()
    await dialog.getByRole('button', { name: 'Delete' }).click()
    await row.waitFor({ state: 'detached' })
  })

  test('opens the row that was pressed, though rows move before the release', async () => {
    const { client, open, url } = console()
    const jobs = []
    for (const name of ['press-1', 'press-2', 'press-3']) {
      jobs.push(await client.job.create({ body: { project: 'press', name, command: 'run=3600s' } }))
    }
    const page = await open('/jobs?project=press')
    const row = page.getByRole('row', { name: /press-2/ })
    await row.hover()
    await page.mouse.down()
    await client.job.delete({ job: jobs[2]!.id, force: true })
    await page.getByRole('row', { name: /press-3/ }).waitFor({ state: 'detached' })
    await page.mouse.up()
    await page.waitForURL(`${url}/jobs/${jobs[1]!.id}`)
  })

  test('stops, tags and deletes several at once', async () => {
    const { client, open } = console()
    for (const name of ['bulk-1', 'bulk-2', 'bulk-3']) {
      await client.job.create({ body: { project: 'bulk', name, command: 'run=3600s' } })
    }
    const page = await open('/jobs?project=bulk')
    await page.getByRole('row', { name: /bulk-3/ }).waitFor()
    await page.getByLabel('Select all that are loaded').check()
    const bar = page.getByRole('toolbar', { name: 'With what is selected' })
    expect(await bar.getByRole('button', { name: 'Delete' }).isDisabled()).toBe(true)
    await bar.getByRole('button', { name: 'Tag' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('combobox', { name: 'Tags that all of them have' }).fill('sweep')
    await page.keyboard.press('Enter')
    await dialog.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('row', { name: /bulk-1.*sweep/ }).waitFor()
    await bar.getByRole('button', { name: 'Stop' }).click()
    await dialog.getByText('bulk-2').waitFor()
    await dialog.getByRole('button', { name: 'Stop' }).click()
    await page.getByRole('button', { name: /cancelled 3/i }).waitFor()
    await expect.poll(() => page.getByRole('row', { name: /cancelled/i }).count()).toBe(3)
    await bar.getByRole('button', { name: 'Delete' }).click()
    expect(await dialog.getByRole('button', { name: 'Delete' }).isDisabled()).toBe(true)
    await dialog.getByLabel('Type 3 to go on').fill('3')
    await dialog.getByRole('button', { name: 'Delete' }).click()
    await page.getByText('No job is like that').waitFor()
    expect((await client.job.list({ project: 'bulk' })).items).toEqual([])
  })

  test('is moved through by keyboard, and several are compared', async () => {
    const page = await console().open('/jobs?project=digits')
    await page.getByRole('row', { name: /baseline/ }).waitFor()
    await page.getByRole('grid', { name: 'Jobs' }).focus()
    for (const key of ['j', 'x', 'j', 'x']) await page.keyboard.press(key)
    await page.getByText('2 selected').waitFor()
    await page.getByRole('button', { name: 'Compare' }).click()
    await page.waitForURL(/\/jobs\/compare\?ids=j\w{16}(,|%2C)j\w{16}$/)
  })

  test('jobs are found from anywhere, by name and by id, and made from there', async () => {
    const { client, open } = console()
    const { id } = await client.job.show({ job: 'wider' })
    const page = await open('/projects')
    await page.getByRole('button', { name: 'Search or do' }).click()
    await page.getByRole('combobox').fill('long-tr')
    await page.getByRole('option', { name: /long-training/ }).waitFor()
    await page.getByRole('combobox').fill(id)
    await page.getByRole('option', { name: /wider/ }).click()
    await page.waitForURL(`**/jobs/${id}`)
    await page.getByRole('button', { name: 'Search or do' }).click()
    await page.getByRole('combobox', { name: 'Search or do' }).fill('new tens')
    await page.getByText('nabla tensorboard create --job JOB').waitFor()
    await page.getByRole('option', { name: 'New TensorBoard' }).click()
    await page.getByRole('dialog', { name: 'New TensorBoard' }).waitFor()
  })

  test('long, hostile and right-to-left names stay within it, and there are no barriers', async () => {
    const { client, open } = console()
    const command = `<img src=x onerror=alert(1)> ${'x'.repeat(5000)}`
    for (const name of ['<script>alert(1)<_script>', 'n'.repeat(100), 'תרגול אימון']) {
      const tags = Array.from({ length: 30 }, (_, index) => `${index}-${'t'.repeat(50)}`)
      await client.job.create({ body: { project: 'p'.repeat(100), name, command: `exit=0 ${command}`, tags } })
    }
    const page = await open('/jobs')
    await page.getByRole('row', { name: /<script>/ }).waitFor()
    expect(await findBarriersInBothThemes(page)).toEqual([])
    for (const width of [1440, 390]) {
      await page.setViewportSize({ width, height: 800 })
      expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0)
    }
  })
})
