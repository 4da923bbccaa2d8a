import { expect, test } from 'vitest'
import { findBarriersInBothThemes } from '../../testing/browser.ts'
import { describeConsole } from '../../testing/console.ts'

describeConsole('machines', (console) => {
  test('show each type with what runs on it, and the machine now and over time', async () => {
    const page = await console().open('/machines')
    const small = page.getByRole('article', { name: 'small' })
    await small.getByRole('link', { name: 'long-training' }).waitFor()
    await small.getByText(/\d+ free/).waitFor()
    await page.getByRole('article', { name: 'large' }).getByText('none free').waitFor()
    await page.getByRole('img', { name: /core 0: \d+ %/ }).waitFor()
    await page.getByRole('figure', { name: 'Processor' }).waitFor()
    await page.getByText('6 h', { exact: true }).click()
    await page.getByRole('figure', { name: 'Memory' }).waitFor()
    expect(new URL(page.url()).search).toBe('?span=6h')
    await page.getByRole('region', { name: 'Findings' }).getByText(/.+/).first().waitFor()
    expect(await findBarriersInBothThemes(page)).toEqual([])
  })
})
