import { expect, test } from 'vitest'
import { findBarriersInBothThemes } from '../../testing/browser.ts'
import { describeConsole } from '../../testing/console.ts'

describeConsole('a project', (console) => {
  test('shows its jobs, what they left and what happens, live', async () => {
    const { client, open } = console()
    const page = await open('/projects/digits')
    await page.getByRole('row', { name: /baseline/ }).waitFor()
    expect(await findBarriersInBothThemes(page)).toEqual([])
    await page.getByRole('tab', { name: 'Artifacts' }).click()
    await page.getByRole('button', { name: /wider/ }).click()
    await page.getByText(/left no artifacts|No artifacts yet/).waitFor()
    expect(await findBarriersInBothThemes(page)).toEqual([])
    await page.getByRole('tab', { name: 'Activity' }).click()
    await page.getByRole('list', { name: 'Activity' }).waitFor()
    await client.job.create({ body: { project: 'digits', name: 'just-now', command: 'run=1s' } })
    await page.getByRole('link', { name: 'just-now' }).first().waitFor()
    expect(await findBarriersInBothThemes(page)).toEqual([])
  })

  test('keeps secrets and rules of its own', async () => {
    const { client, open } = console()
    const page = await open('/projects/speech?tab=secrets')
    await page.getByRole('row', { name: /HF_TOKEN the whole team/ }).waitFor()
    await page.getByRole('button', { name: 'New secret' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Name').fill('OWN')
    await dialog.getByLabel('Value').fill('hidden-value')
    await dialog.getByText('nabla secret set OWN --project speech').waitFor()
    await dialog.getByRole('button', { name: 'Set secret' }).click()
    await page.getByRole('row', { name: /OWN this project/ }).waitFor()
    expect(await page.content()).not.toContain('hidden-value')
    expect(await findBarriersInBothThemes(page)).toEqual([])

    await page.getByRole('tab', { name: 'Settings' }).click()
    await page.getByText('Until their job is deleted').waitFor()
    await page.getByRole('button', { name: 'Set a rule' }).click()
    await dialog.getByRole('button', { name: 'Set rule' }).click()
    await page.getByText('Kept are those of the last 20 jobs.').waitFor()
    expect((await client.artifact.showRetention({ project: 'speech' })).items[0]?.keepLast).toBe(20)
    expect(await findBarriersInBothThemes(page)).toEqual([])
    await page.getByRole('button', { name: 'Remove the rule' }).click()
    await page.getByText('Until their job is deleted').waitFor()
  })
})
