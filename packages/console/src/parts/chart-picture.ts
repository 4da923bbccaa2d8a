/**
 * Saves what a chart draws as a PNG file: its canvases on the ground of the page, with the title above and the names of
 * the lines below, as they are on the screen.
 */
export async function savePicture(figure: HTMLElement, title: string): Promise<void> {
  const blob = await pictureOf(figure, title)
  if (!blob) return
  saveFile(blob, title, 'png')
}

/** Has the browser keep a file, named after the title of a chart. */
export function saveFile(blob: Blob, title: string, ending: string): void {
  const address = URL.createObjectURL(blob)
  const link = document.createElement('a')
  link.href = address
  link.download = `${title.replaceAll(/[^\w.-]+/g, '-').slice(0, 80) || 'chart'}.${ending}`
  link.click()
  // The browser has taken hold of it by the next turn.
  setTimeout(() => URL.revokeObjectURL(address), 1000)
}

const marginPx = 12
const titlePx = 28
const linePx = 20

async function pictureOf(figure: HTMLElement, title: string): Promise<Blob | null> {
  const canvas = figure.querySelector('canvas')
  if (!canvas) return null
  const scale = canvas.width / canvas.getBoundingClientRect().width
  const names = [...figure.querySelectorAll<HTMLElement>('.chart-legend [aria-pressed=true]')]
  const picture = document.createElement('canvas')
  picture.width = canvas.width + 2 * marginPx * scale
  picture.height = canvas.height + (2 * marginPx + titlePx + names.length * linePx) * scale
  const context = picture.getContext('2d')
  if (!context) return null
  const style = getComputedStyle(figure)
  const color = (name: string) => style.getPropertyValue(name).trim()
  context.fillStyle = color('--panel')
  context.fillRect(0, 0, picture.width, picture.height)
  context.scale(scale, scale)
  context.fillStyle = color('--text')
  context.font = `600 14px ${color('--font-sans')}`
  context.fillText(title, marginPx, marginPx + 14)
  context.drawImage(canvas, marginPx, marginPx + titlePx, canvas.width / scale, canvas.height / scale)
  const top = marginPx + titlePx + canvas.height / scale
  context.font = `12px ${color('--font-sans')}`
  for (const [place, name] of names.entries()) {
    const y = top + (place + 1) * linePx - 6
    const mark = name.querySelector('.chart-mark')
    context.fillStyle = mark ? getComputedStyle(mark).backgroundColor : color('--text')
    context.fillRect(marginPx, y - 6, 12, 3)
    context.fillStyle = color('--text')
    context.fillText(name.innerText.replaceAll('\n', '  '), marginPx + 20, y)
  }
  return new Promise((resolve) => {
    picture.toBlob(resolve, 'image/png')
  })
}
