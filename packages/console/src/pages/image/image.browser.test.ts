import type { ImageStore, StoredImage } from '@nabla/server/engines/engine'
import { FakeEngine } from '@nabla/server/engines/fake/fake-engine'
import { expect, test } from 'vitest'
import { findBarriersInBothThemes } from '../../testing/browser.ts'
import { describeConsole } from '../../testing/console.ts'

const long = `registry.example.org/${'team/'.repeat(30)}train:1`

describeConsole('images of the machine', (console) => {
  test('are shown with sizes and use, those that are wanted too, and make room', async () => {
    const { client, open, server } = console()
    const images = storeOf([
      stored('a', ['docker.io/library/python:3.13-slim'], { sizeBytes: 130_000_000 }),
      stored('b', [long], { sizeBytes: 9_000_000_000, containers: 2 }),
      stored('c', [], { sizeBytes: 1_000_000, usedAt: null, ours: false }),
    ])
    const fake = server.deps.engines.get('fake')
    if (fake instanceof FakeEngine) fake.images = images
    await client.project.update({ project: 'digits', body: { images: ['pytorch/pytorch:2.9'] } })

    const page = await open('/machines')
    const panel = page.getByRole('region', { name: 'Images' })
    const python = panel.getByRole('row', { name: /python:3\.13-slim/ })
    await python.getByText('130 MB').waitFor()
    await panel
      .getByRole('row', { name: /team\/team/ })
      .getByText('in use by 2')
      .waitFor()
    await panel.getByRole('button', { name: /^Actions for registry/ }).click()
    await page.getByRole('menuitem', { name: 'Delete', disabled: true }).getByText('A container uses it.').waitFor()
    await page.keyboard.press('Escape')
    const wanted = panel.getByRole('row', { name: /pytorch:2\.9/ })
    await wanted.getByText('project digits').waitFor()
    await page.setViewportSize({ width: 390, height: 800 })
    await expect.poll(() => page.evaluate<number>('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390)
    await page.setViewportSize({ width: 1280, height: 800 })
    expect(await findBarriersInBothThemes(page)).toEqual([])

    await panel.getByRole('button', { name: 'Actions for docker.io/library/python:3.13-slim' }).click()
    await page.getByRole('menuitem', { name: 'Delete' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByText('nabla image delete docker.io/library/python:3.13-slim').waitFor()
    await dialog.getByRole('textbox').fill('docker.io/library/python:3.13-slim')
    await dialog.getByRole('button', { name: 'Delete' }).click()
    await python.waitFor({ state: 'detached' })
    expect((await images.list()).map(({ id }) => id.at(-1))).toEqual(['b', 'c'])
  })
})

function stored(digit: string, names: string[], more: Partial<StoredImage>): StoredImage {
  const common = {
    createdAt: 1_700_000_000_000,
    usedAt: 1_700_000_000_000,
    ours: true,
    isPrivate: false,
    containers: 0,
  }
  return { id: `sha256:${digit.repeat(64)}`, names, sizeBytes: 0, ...common, ...more }
}

/** Images of an engine that has no daemon. */
function storeOf(images: StoredImage[]): ImageStore {
  return {
    async list() {
      return images
    },
    async remove(id) {
      const at = images.findIndex((image) => image.id === id)
      if (at < 0) return 'unknown'
      images.splice(at, 1)
      return 'removed'
    },
    async fetch() {
      throw new Error('There is no registry here.')
    },
    async collect() {
      return []
    },
  }
}
