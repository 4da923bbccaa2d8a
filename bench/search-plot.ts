/** How several searches went on one problem. */
export interface Panel {
  title: string
  /** What the lines are drawn over. */
  over: string
  /** The median of the regret after each trial or epoch, by the name of who searched. */
  lines: Record<string, readonly number[]>
}

const panel = { width: 300, height: 210, left: 46, right: 12, top: 26, bottom: 34 }
const columns = 3
/** A row for each of those who searched, a column for each searcher. */
const legend = { row: 18, column: 130, bottom: 16 }
/** Hue by searcher, and how a line is drawn by who searched. */
const hues: Record<string, string> = { TPE: '#1f6feb', 'CMA-ES': '#c2410c', random: '#6b7280', ASHA: '#15803d' }
const dashes: Record<string, string> = { Nabla: '', Optuna: '5 3', 'Ray Tune': '1.5 2.5' }

/** One picture of all panels, as SVG: regret over trials, on a scale of powers of ten. */
export function plot(panels: readonly Panel[]): string {
  const width = columns * panel.width
  const top = Object.keys(dashes).length * legend.row + legend.bottom
  const height = Math.ceil(panels.length / columns) * panel.height + top
  const drawn = panels.map((one, at) => {
    const [x, y] = [(at % columns) * panel.width, Math.floor(at / columns) * panel.height + top]
    return `<g transform="translate(${x} ${y})">${drawPanel(one)}</g>`
  })
  const names = [...new Set(panels.flatMap(({ lines }) => Object.keys(lines)))]
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}"`,
    ' font-family="system-ui, sans-serif" font-size="11" fill="#374151" role="img"',
    ' aria-label="Median regret over trials, of Nabla and its peers">',
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    ...names.map(drawName),
    ...drawn,
    '</svg>\n',
  ].join('\n')
}

const searcherOf = (name: string): string => Object.keys(hues).find((one) => name.endsWith(one)) ?? ''
const whoOf = (name: string): string => Object.keys(dashes).find((one) => name.startsWith(one)) ?? ''

function drawName(name: string): string {
  const x = 14 + Object.keys(hues).indexOf(searcherOf(name)) * legend.column
  const y = 16 + Object.keys(dashes).indexOf(whoOf(name)) * legend.row
  return `<path d="M${x} ${y}h22" ${strokeOf(name)}/><text x="${x + 27}" y="${y + 4}">${name}</text>`
}

function strokeOf(name: string): string {
  const [searcher, who] = [searcherOf(name), whoOf(name)]
  const dash = dashes[who] ? ` stroke-dasharray="${dashes[who]}"` : ''
  return `fill="none" stroke="${hues[searcher] ?? '#000000'}" stroke-width="${who === 'Nabla' ? 2 : 1.5}"${dash}`
}

function drawPanel({ title, over, lines }: Panel): string {
  const [inner, tall] = [panel.width - panel.left - panel.right, panel.height - panel.top - panel.bottom]
  const values = Object.values(lines).flatMap((line) => line.filter((value) => value > 0 && Number.isFinite(value)))
  const [low, high] = [Math.floor(Math.log10(Math.min(...values))), Math.ceil(Math.log10(Math.max(...values)))]
  const count = Math.max(...Object.values(lines).map(({ length }) => length))
  const x = (at: number) => panel.left + (inner * at) / Math.max(1, count - 1)
  const y = (value: number) => {
    const log = Math.log10(Math.max(value, 10 ** low))
    return panel.top + tall * (1 - (log - low) / Math.max(1, high - low))
  }
  const every = Math.ceil((high - low) / 6)
  const powers = Array.from({ length: high - low + 1 }, (_, at) => low + at).filter((at) => (at - low) % every === 0)
  const grid = powers.map((power) => {
    const at = y(10 ** power).toFixed(1)
    const label = `<text x="${panel.left - 6}" y="${at}" dy="4" text-anchor="end">1e${power}</text>`
    return `<path d="M${panel.left} ${at}h${inner}" stroke="#e5e7eb"/>${label}`
  })
  const drawn = Object.entries(lines).map(([name, line]) => {
    const path = line.map((value, at) => `${at === 0 ? 'M' : 'L'}${x(at).toFixed(1)} ${y(value).toFixed(1)}`).join('')
    return `<path d="${path}" ${strokeOf(name)}/>`
  })
  const bottom = panel.height - 18
  return [
    `<text x="${panel.left}" y="16" font-weight="600" fill="#111827">${title}</text>`,
    ...grid,
    `<text x="${panel.left}" y="${bottom}">1</text>`,
    `<text x="${panel.left + inner}" y="${bottom}" text-anchor="end">${count} ${over}</text>`,
    ...drawn,
  ].join('\n')
}
