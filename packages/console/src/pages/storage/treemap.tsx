import type { FolderUsage } from '@nabla/api/file'
import { useNavigate } from '@tanstack/react-router'
import { type KeyboardEvent, type ReactNode, type RefObject, useLayoutEffect, useMemo, useRef, useState } from 'react'
import { formatBytes, plural } from '../../parts/format.ts'
import { addressOf, folderOf, nameOf } from './paths.ts'
import { type Rectangle, squarify } from './treemap.ts'

interface Cell {
  usage: FolderUsage
  place: Rectangle
  depth: 0 | 1
}

/** Room for the name of a folder above what is in it. */
const headPx = 18
const gapPx = 2
/** Cells smaller than this have no name in them. */
const least = { width: 44, height: 16 }

/**
 * What takes the space of a folder, as areas: folders with what is directly in them. Arrow keys go to the nearest cell
 * in their direction, enter opens it.
 */
export function Treemap(props: { total: FolderUsage; items: readonly FolderUsage[] }): ReactNode {
  const { total, items } = props
  const box = useRef<HTMLDivElement>(null)
  const width = useWidth(box)
  const height = Math.round(Math.min(520, Math.max(280, width * 0.45)))
  const cells = useMemo(() => layCells(total, items, width, height), [total, items, width, height])
  const [current, setCurrent] = useState(0)
  const navigate = useNavigate()
  const onKeyDown = (event: KeyboardEvent) => {
    const next = nearest(cells, current, event.key)
    if (next === undefined) return
    event.preventDefault()
    setCurrent(next)
    box.current?.querySelectorAll<SVGAElement>('a')[next]?.focus()
  }
  return (
    <div ref={box} className="treemap">
      {width > 0 && (
        <svg width={width} height={height} role="group" aria-label="What takes the space" onKeyDown={onKeyDown}>
          {cells.map(({ usage, place, depth }, index) => {
            const href = hrefOf(usage)
            return (
              <a
                key={usage.path}
                href={href}
                tabIndex={index === Math.min(current, cells.length - 1) ? 0 : -1}
                aria-label={`${nameOf(usage.path)} ${formatBytes(usage.sizeBytes)}, ${plural(usage.files, 'file')}`}
                className={`treemap-cell treemap-${usage.type} treemap-depth-${depth}`}
                onFocus={() => setCurrent(index)}
                onClick={(event) => {
                  if (event.metaKey || event.ctrlKey || event.shiftKey) return
                  event.preventDefault()
                  void navigate({ to: href })
                }}
              >
                <title>{`${usage.path}\n${formatBytes(usage.sizeBytes)}, ${plural(usage.files, 'file')}`}</title>
                <rect {...place} rx={3} />
                <Label usage={usage} place={place} />
              </a>
            )
          })}
        </svg>
      )}
    </div>
  )
}

function Label({ usage, place }: { usage: FolderUsage; place: Rectangle }): ReactNode {
  const { x, y, width, height } = place
  if (width < least.width || height < least.height) return null
  // A foreign object clips and shortens with the rules of the page.
  return (
    <foreignObject x={x} y={y} width={width} height={Math.min(height, 36)} aria-hidden="true">
      <div className="treemap-label">
        <span className="ellipsis" dir="auto">
          {nameOf(usage.path)}
        </span>{' '}
        <span className="number treemap-size">{formatBytes(usage.sizeBytes)}</span>
      </div>
    </foreignObject>
  )
}

/** A folder opens its own map, a file is shown. */
function hrefOf({ path, type }: FolderUsage): string {
  return type === 'folder' ? `${addressOf(path)}?view=usage` : `${addressOf(folderOf(path), nameOf(path))}&view=usage`
}

function layCells(total: FolderUsage, items: readonly FolderUsage[], width: number, height: number): Cell[] {
  const top = layWithin(total, items, { x: 0, y: 0, width, height })
  return top.flatMap(({ usage, place }): Cell[] => {
    const own: Cell = { usage, place: inset(place, gapPx / 2), depth: 0 }
    if (usage.type !== 'folder') return [own]
    const room = { ...inset(place, 4), y: place.y + headPx, height: place.height - headPx - 4 }
    if (room.width < 40 || room.height < 24) return [own]
    const inner = layWithin(usage, items, room)
    return [own, ...inner.map((one): Cell => ({ usage: one.usage, place: inset(one.place, 1), depth: 1 }))]
  })
}

/**
 * Places for what is directly in a folder. What was left out for being small takes its share of the room together, and
 * shows as the ground.
 */
function layWithin(
  folder: FolderUsage,
  items: readonly FolderUsage[],
  room: Rectangle,
): { usage: FolderUsage; place: Rectangle }[] {
  const inner = items.filter(({ path, sizeBytes }) => sizeBytes > 0 && folderOf(path) === folder.path)
  const left = folder.sizeBytes - inner.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  const shares: { usage: FolderUsage | undefined; sizeBytes: number }[] = inner.map((usage) => ({
    usage,
    sizeBytes: usage.sizeBytes,
  }))
  if (left > 0) shares.push({ usage: undefined, sizeBytes: left })
  shares.sort((a, b) => b.sizeBytes - a.sizeBytes)
  const places = squarify(
    shares.map(({ sizeBytes }) => sizeBytes),
    room,
  )
  return shares.flatMap(({ usage }, index) => {
    const place = places[index]
    return usage && place ? [{ usage, place }] : []
  })
}

function inset({ x, y, width, height }: Rectangle, by: number): Rectangle {
  return { x: x + by, y: y + by, width: Math.max(0, width - 2 * by), height: Math.max(0, height - 2 * by) }
}

const directions: Record<string, readonly [number, number]> = {
  ArrowRight: [1, 0],
  ArrowLeft: [-1, 0],
  ArrowDown: [0, 1],
  ArrowUp: [0, -1],
}

/** The cell whose middle is nearest in the direction of an arrow key; what is aside of it counts twice. */
function nearest(cells: readonly Cell[], from: number, key: string): number | undefined {
  if (key === 'Home') return 0
  if (key === 'End') return cells.length - 1
  const direction = directions[key]
  const start = cells[from]
  if (!direction || !start) return undefined
  const [x, y] = middle(start.place)
  let best: number | undefined
  let bestDistance = Number.POSITIVE_INFINITY
  for (const [index, { place }] of cells.entries()) {
    const [toX, toY] = middle(place)
    const ahead = (toX - x) * direction[0] + (toY - y) * direction[1]
    const aside = Math.abs((toX - x) * direction[1] + (toY - y) * direction[0])
    if (index === from || ahead <= 0.5 || ahead + 2 * aside >= bestDistance) continue
    best = index
    bestDistance = ahead + 2 * aside
  }
  return best
}

const middle = ({ x, y, width, height }: Rectangle): [number, number] => [x + width / 2, y + height / 2]

function useWidth(box: RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(0)
  useLayoutEffect(() => {
    const element = box.current
    if (!element) return
    const look = () => setWidth(element.clientWidth)
    look()
    const observer = new ResizeObserver(look)
    observer.observe(element)
    return () => observer.disconnect()
  }, [box])
  return width
}
