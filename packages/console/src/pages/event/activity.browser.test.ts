import { expect, test } from 'vitest'
import { findBarriersInBothThemes } from '../../testing/browser.ts'
import { describeConsole } from '../../testing/console.ts'

describeConsole('activity', (console) => {
  test('is filtered by kind and person, kept in the address, and goes on as things happen', async () => {
    const { client, open } = console()
    const page = await open('/activity')
    const list = page.getByRole('list', { name: 'Activity' })
    await list.getByText('baseline').first().waitFor()
    await page.getByRole('button', { name: 'Kind' }).click()
    await page.getByRole('menuitem', { name: 'project', exact: true }).click()
    await list.getByText('baseline').first().waitFor({ state: 'detached' })
    await list.getByText('speech').first().waitFor()
    expect(new URL(page.url()).search).toBe('?type=project')
    await client.project.create({ body: { name: 'just-now' } })
    await list.getByRole('link', { name: 'just-now' }).waitFor()
    await page.goto(`${console().url}/activity?type=project&actor=server`)
    await page.getByText('Nothing like that has happened.').waitFor()
    await page.goto(`${console().url}/activity`)
    await list.getByText('baseline').first().waitFor()
    expect(await findBarriersInBothThemes(page)).toEqual([])
  })
})
