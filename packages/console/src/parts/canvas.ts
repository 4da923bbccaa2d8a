import { useComputedColorScheme } from '@mantine/core'
import { type RefObject, useLayoutEffect, useRef, useState } from 'react'

/** What a drawing on a canvas has: its size in px of the page, and colours of the theme by their names. */
export interface Drawing {
  context: CanvasRenderingContext2D
  width: number
  height: number
  color: (name: string) => string
}

/**
 * A canvas as wide as its place and as sharp as the screen. `draw` is called on an empty one whenever something of `of`,
 * the size or the theme has changed. What it returns is called before the next time: it ends a drawing that goes on.
 */
export function useCanvas(
  height: number,
  draw: (drawing: Drawing) => (() => void) | void,
  of: readonly unknown[],
): { canvas: RefObject<HTMLCanvasElement | null>; width: number } {
  const canvas = useRef<HTMLCanvasElement>(null)
  const [width, setWidth] = useState(0)
  const scheme = useComputedColorScheme('light')
  useLayoutEffect(() => {
    const place = canvas.current?.parentElement
    if (!place) return
    const look = () => setWidth(place.clientWidth)
    look()
    const observer = new ResizeObserver(look)
    observer.observe(place)
    return () => observer.disconnect()
  }, [])
  useLayoutEffect(() => {
    const element = canvas.current
    // So the processor draws, in the page: where there is no GPU, thousands of lines take the browser many times as long
    // by the other way, and frames are lost.
    const context = element?.getContext('2d', { willReadFrequently: true })
    if (!element || !context || width === 0) return
    const scale = window.devicePixelRatio || 1
    element.width = Math.round(width * scale)
    element.height = Math.round(height * scale)
    context.setTransform(scale, 0, 0, scale, 0, 0)
    const style = getComputedStyle(element)
    return draw({ context, width, height, color: (name) => style.getPropertyValue(name).trim() })
  }, [width, height, scheme, ...of])
  return { canvas, width }
}
