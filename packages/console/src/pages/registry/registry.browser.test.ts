import { expect, test } from 'vitest'
import { findBarriersInBothThemes } from '../../testing/browser.ts'
import { describeConsole } from '../../testing/console.ts'

describeConsole('registries', (console) => {
  test('a login is stored, chosen for a job in an image, and deleted', async () => {
    const { client, open } = console()
    const page = await open('/settings/registries')
    await page.getByRole('button', { name: 'New registry' }).first().click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Name', { exact: true }).fill('github')
    await dialog.getByLabel('Host').fill('ghcr.io')
    await dialog.getByLabel('User name').fill('ada')
    await dialog.getByLabel('Password or token', { exact: true }).fill('lovelace')
    await dialog.getByText('nabla registry create github --host ghcr.io --username ada').waitFor()
    expect(await findBarriersInBothThemes(page)).toEqual([])
    await dialog.getByRole('button', { name: 'Store login' }).click()
    await page
      .getByRole('row', { name: /github/ })
      .getByText('ghcr.io')
      .waitFor()
    expect((await client.registry.list({})).items).toMatchObject([{ name: 'github', username: 'ada' }])

    const form = await open('/jobs/new')
    await form.getByText('limits, retries, priority, image').click()
    await form.getByRole('combobox', { name: 'Registry' }).click()
    await form.getByRole('option', { name: 'github (ghcr.io)' }).click()
    await form.getByLabel('Build the image from a Dockerfile of the files').check()
    await form.getByLabel('Push to').fill('ghcr.io/me/train:1')
    await form.getByText('--registry github --build --push ghcr.io/me/train:1').waitFor()

    await page.getByRole('button', { name: 'Actions for github' }).click()
    await page.getByRole('menuitem', { name: 'Delete' }).click()
    await dialog.getByRole('button', { name: 'Delete' }).click()
    await page.getByText('No registries yet.').waitFor()
  })
})
