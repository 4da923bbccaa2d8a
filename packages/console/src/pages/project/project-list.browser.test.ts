import { expect, test } from 'vitest'
import { findBarriersInBothThemes } from '../../testing/browser.ts'
import { describeConsole } from '../../testing/console.ts'

describeConsole('the list of projects', (console) => {
  test('makes a project, renames it, takes that back, and deletes it with what it holds', async () => {
    const { client, open } = console()
    const page = await open('/projects')
    await page.getByRole('button', { name: 'New project' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Name').fill('a/b')
    await dialog.getByText('no slashes').waitFor()
    await dialog.getByLabel('Name').fill('vision')
    await dialog.getByText('nabla project create vision').waitFor()
    await page.keyboard.press('Enter')
    const row = page.getByRole('row', { name: /vision/ })
    await row.waitFor()

    await row.getByRole('button', { name: 'Actions for vision' }).click()
    await page.getByRole('menuitem', { name: 'Rename or tag' }).click()
    await dialog.getByLabel('Name').fill('sight')
    await dialog.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('row', { name: /sight/ }).waitFor()
    await page.getByRole('button', { name: 'Undo' }).click()
    await row.waitFor()

    const { id } = await client.job.create({ body: { project: 'vision', command: 'run=3600s' } })
    await row.getByText('1 active').waitFor()
    await row.getByRole('button', { name: 'Actions for vision' }).click()
    await page.getByRole('menuitem', { name: 'Delete' }).click()
    await dialog.getByText('1 job, 1 of them stopped for it').waitFor()
    expect(await dialog.getByRole('button', { name: 'Delete' }).isDisabled()).toBe(true)
    await dialog.getByLabel('Type vision to go on').fill('vision')
    await dialog.getByRole('button', { name: 'Delete' }).click()
    await row.waitFor({ state: 'detached' })
    await expect(client.job.show({ job: id })).rejects.toMatchObject({ code: 'not_found' })
  })

  test('keeps the filter in the address', async () => {
    const page = await console().open('/projects')
    await page.getByRole('row', { name: /digits/ }).waitFor()
    await page.getByRole('searchbox').fill('tag:new')
    await page.keyboard.press('Enter')
    await page.getByRole('row', { name: /digits/ }).waitFor({ state: 'detached' })
    expect(new URL(page.url()).search).toBe('?tag=new')
    await page.reload()
    await page.getByRole('row', { name: /empty/ }).waitFor()
    await page.getByRole('button', { name: 'Remove filter Tag new' }).click()
    await page.getByRole('row', { name: /digits/ }).waitFor()
  })

  test('is moved through by keyboard', async () => {
    const page = await console().open('/projects')
    const grid = page.getByRole('grid', { name: 'Projects' })
    await grid.focus()
    await page.keyboard.press('j')
    await page.keyboard.press('.')
    await page.getByRole('menuitem', { name: 'Delete' }).waitFor()
  })

  test('has no barriers', async () => {
    const page = await console().open('/projects')
    await page.getByRole('row', { name: /digits/ }).waitFor()
    expect(await findBarriersInBothThemes(page)).toEqual([])
    await page.getByRole('button', { name: 'Actions for digits' }).click()
    await page.getByRole('menuitem', { name: 'Delete' }).click()
    await page.getByText('This goes with it').waitFor()
    expect(await findBarriersInBothThemes(page)).toEqual([])
    await page.goto(`${console().url}/projects/digits?tab=activity`)
    await page.getByRole('tab', { name: 'Activity', selected: true }).waitFor()
    expect(await findBarriersInBothThemes(page)).toEqual([])
  })
})
