import { expect, test } from 'vitest'
import { findBarriers, findBarriersInBothThemes } from '../testing/browser.ts'
import { describeConsole } from '../testing/console.ts'

describeConsole('the shell', (console) => {
  test('signs in where one wanted to go, and refuses a wrong key with what to do', async () => {
    const { open, key } = console()
    const page = await open('/projects?tag=new', { signedIn: false })
    await page.getByLabel('API key').fill('wrong')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByText('nabla').first().waitFor()
    expect(await findBarriers(page)).toEqual([])
    await page.getByLabel('API key').fill(key)
    await page.keyboard.press('Enter')
    await page.getByRole('row', { name: /empty/ }).waitFor()
    expect(new URL(page.url()).search).toBe('?tag=new')
  })

  test('signs in by a link, and leaves no key in the address', async () => {
    const { open, key } = console()
    const page = await open(`/sign-in#key=${key}`, { signedIn: false })
    await page.getByRole('heading', { name: 'Home' }).waitFor()
    expect(page.url()).not.toContain(key)
  })

  test('opens for who is signed in by it already when the link is used again, and says so to others', async () => {
    const { open, client } = console()
    const { code } = await client.session.createCode()
    const page = await open(`/sign-in#code=${code}`, { signedIn: false })
    await page.getByRole('heading', { name: 'Home' }).waitFor()
    await page.goto(new URL(`/sign-in?next=/projects#code=${code}`, page.url()).href)
    await page.getByRole('heading', { name: 'Projects' }).waitFor()
    const other = await open(`/sign-in#code=${code}`, { signedIn: false })
    await other.getByText('This sign-in link has been used').waitFor()
    expect(await other.getByRole('main').locator('code').first().textContent()).toBe('nabla open')
  })

  test('never leads to another site after the sign-in', async () => {
    const { open, key, url } = console()
    const page = await open(`/sign-in?next=${encodeURIComponent('//example.com')}#key=${key}`, { signedIn: false })
    await page.getByRole('heading', { name: 'Home' }).waitFor()
    expect(new URL(page.url()).origin).toBe(url)
  })

  test('asks to sign in again when the session has ended, and sends what was typed', async () => {
    const { open, key, client } = console()
    const page = await open('/projects')
    await page.getByRole('button', { name: 'New project' }).click()
    await page.getByLabel('Name').fill('kept')
    await page.context().clearCookies()
    await page.getByRole('button', { name: 'Make project' }).click()
    const again = page.getByRole('dialog', { name: 'Sign in again' })
    await again.getByLabel('API key').fill(key)
    await again.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('row', { name: /kept/ }).waitFor()
    expect((await client.project.show({ project: 'kept' })).name).toBe('kept')
  })

  test('has all places on a phone: some at the bottom, the rest in a menu', async () => {
    const { open } = console()
    const page = await open('/')
    await page.setViewportSize({ width: 390, height: 800 })
    const bar = page.getByRole('navigation', { name: 'Main' })
    const isWhole = 'document.querySelector("nav").scrollWidth <= document.querySelector("nav").clientWidth'
    expect(await page.evaluate<boolean>(isWhole)).toBe(true)
    expect(await findBarriers(page)).toEqual([])
    await bar.getByRole('button', { name: 'More' }).click()
    await page.getByRole('menuitem', { name: 'Machines' }).waitFor()
    await page.getByRole('menuitem', { name: 'Settings' }).click()
    await page.waitForURL('**/settings/**')
  })

  test('says when the connection is lost, and hears what happened meanwhile', async () => {
    const { open, client } = console()
    const page = await open('/projects')
    await page.getByRole('button', { name: 'Connection: live' }).waitFor()
    await page.context().setOffline(true)
    // A browser that is told to be offline keeps what is open; a real one says so.
    await page.evaluate(() => (globalThis as unknown as EventTarget).dispatchEvent(new Event('offline')))
    await page.getByText(/Offline, trying again in \d+ s/).waitFor()
    expect(await findBarriers(page)).toEqual([])
    await client.project.create({ body: { name: 'meanwhile' } })
    await page.context().setOffline(false)
    await page.getByRole('row', { name: /meanwhile/ }).waitFor()
    await page
      .getByText(/Offline/)
      .first()
      .waitFor({ state: 'detached' })
  })

  test('finds projects, pages and actions by keyboard', async () => {
    const page = await console().open('/')
    await page.getByRole('heading', { name: 'Home' }).waitFor()
    await page.keyboard.press('Control+k')
    await page.getByRole('combobox').fill('digi')
    await page.getByRole('option', { name: 'digits' }).waitFor()
    expect(await findBarriersInBothThemes(page)).toEqual([])
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'digits' }).waitFor()
    await page.keyboard.press('g')
    await page.keyboard.press('p')
    await page.getByRole('heading', { name: 'Projects' }).waitFor()
    await page.keyboard.press('?')
    await page.getByRole('dialog', { name: 'Keyboard' }).waitFor()
  })

  test('keeps the theme that was chosen', async () => {
    const page = await console().open('/')
    await page.getByRole('button', { name: /^Account of/ }).click()
    await page.getByRole('menuitem', { name: 'Dark' }).click()
    await page.reload()
    await page.locator('html[data-mantine-color-scheme=dark]').waitFor()
  })

  test('draws its own parts in its own style, whatever the parts of others are like', async () => {
    const page = await console().open('/')
    await page.getByRole('button', { name: 'Search or do' }).waitFor()
    expect(await page.evaluate(`getComputedStyle(document.querySelector('.finder')).borderTopWidth`)).toBe('1px')
  })

  test('loads less than 250 KB of compressed script at first', async () => {
    const page = await console().open('/')
    await page.getByRole('heading', { name: 'Home' }).waitFor()
    const sizes = await page.evaluate(() =>
      (performance.getEntriesByType('resource') as unknown as { name: string; encodedBodySize: number }[])
        .filter(({ name }) => name.endsWith('.js'))
        .map(({ encodedBodySize }) => encodedBodySize),
    )
    const total = sizes.reduce((sum, size) => sum + size, 0)
    expect(total).toBeGreaterThan(50_000)
    expect(total).toBeLessThan(250_000)
  })
})
