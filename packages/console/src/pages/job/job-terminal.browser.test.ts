import type { Socket } from 'node:net'
import { expect, test } from 'vitest'
import { findBarriersInBothThemes } from '../../testing/browser.ts'
import { describeConsole } from '../../testing/console.ts'

describeConsole('the terminal of a job', (console) => {
  test('a shell is opened, typed and pasted into, found again after a reload, and ended', async () => {
    const { client, open, server } = console()
    const connections = new Set<Socket>()
    let asked = 0
    server.app.server.on('connection', (socket: Socket) => connections.add(socket))
    server.app.server.on('upgrade', () => (asked += 1))
    const { id } = await client.job.create({
      body: {
        project: 'pages',
        name: 'with-shell',
        command: 'run=100000s',
        machineType: 'small',
        ports: [8080],
        priority: 100,
      },
    })
    await expect
      .poll(async () => (await client.job.show({ job: id })).phases.at(-1)?.name, { timeout: 20_000 })
      .toBe('run')
    const page = await open(`/jobs/${id}?tab=terminal`)
    const blocked: string[] = []
    page.on('console', (message) => {
      if (/content security policy/i.test(message.text())) blocked.push(message.text())
    })
    const terminal = page.getByRole('region', { name: 'Terminal' })
    await page.getByRole('status').getByText('Connected').waitFor()
    await terminal
      .getByText(/\d+x\d+/)
      .first()
      .waitFor()
    await page.keyboard.type('hello there')
    await page.keyboard.press('Enter')
    await expect.poll(() => terminal.innerText()).toMatch(/hello there\s+hello there/)
    await page.evaluate(`
      const clipboardData = new DataTransfer()
      clipboardData.setData('text/plain', 'from elsewhere')
      document.activeElement.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true }))
    `)
    await page.keyboard.press('Enter')
    await expect.poll(() => terminal.innerText()).toMatch(/from elsewhere\s+from elsewhere/)
    await page.setViewportSize({ width: 390, height: 800 })
    expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390)
    await page.setViewportSize({ width: 1280, height: 800 })
    expect(await findBarriersInBothThemes(page)).toEqual([])
    await page.reload()
    await page.getByRole('status').getByText('Connected').waitFor()
    await expect.poll(() => terminal.innerText()).toMatch(/hello there/)
    const before = (await terminal.innerText()).split('hello there').length
    for (const connection of connections) connection.destroy()
    await expect.poll(() => asked, { timeout: 20_000 }).toBe(3)
    await page.getByRole('status').getByText('Connected').waitFor()
    await terminal.click()
    await page.keyboard.type('still here')
    await page.keyboard.press('Enter')
    await expect.poll(() => terminal.innerText()).toMatch(/still here\s+still here/)
    expect((await terminal.innerText()).split('hello there')).toHaveLength(before)
    await page.keyboard.press('Control+Shift+E')
    await page.getByRole('button', { name: 'End' }).press('Enter')
    await page.getByText('The shell ended with exit code 129.').waitFor()
    await page.getByRole('button', { name: 'New shell' }).click()
    await page.getByRole('status').getByText('Connected').waitFor()
    expect(blocked).toEqual([])
    await page.getByRole('tab', { name: 'Settings' }).click()
    await page.getByRole('list', { name: 'Ports' }).getByText(`${id}-8080.localhost`).waitFor()
    await client.job.stop({ job: id, body: { graceSeconds: 0 } })
  })
})
