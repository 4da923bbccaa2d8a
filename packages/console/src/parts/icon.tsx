import type { ReactNode } from 'react'

/** Drawn on a grid of 16, with lines of 1.4: one line of path data each. */
const paths = {
  home: 'M2.5 7.5 8 3l5.5 4.5V13h-4v-3h-3v3h-4Z',
  folder: 'M2 4.5h4l1.5 1.5H14v6.5H2Z',
  file: 'M4 2h5l3 3v9H4ZM9 2v3h3',
  job: 'M3 3.5 7 8l-4 4.5M8.5 12.5H13',
  data: 'M3 4c0-1 2.2-1.8 5-1.8S13 3 13 4s-2.2 1.8-5 1.8S3 5 3 4ZM3 4v8c0 1 2.2 1.8 5 1.8s5-.8 5-1.8V4M3 8c0 1 2.2 1.8 5 1.8S13 9 13 8',
  model: 'M8 2 13.5 5v6L8 14l-5.5-3V5ZM8 8v6M8 8 2.5 5M8 8l5.5-3',
  deploy: 'M8 13.5V7.5M5.7 9.6 8 7.3l2.3 2.3M5 11.5h-.6a2.7 2.7 0 0 1-.3-5.4 4 4 0 0 1 7.7-.4 2.9 2.9 0 0 1 .1 5.8H11',
  machine: 'M2.5 3h11v4h-11ZM2.5 9h11v4h-11ZM5 5h.01M5 11h.01',
  settings: 'M2 5h6M12 5h2M10 3v4M2 11h2M8 11h6M6 9v4',
  search: 'M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9ZM10.3 10.3 14 14',
  plus: 'M8 3v10M3 8h10',
  close: 'm4 4 8 8M12 4l-8 8',
  check: 'm3 8.5 3.2 3.2L13 5',
  copy: 'M5.5 5.5h8v8h-8ZM10.5 5.5v-3h-8v8h3',
  more: 'M3.5 8h.01M8 8h.01M12.5 8h.01',
  down: 'm4 6 4 4 4-4',
  up: 'm4 10 4-4 4 4',
  right: 'm6 4 4 4-4 4',
  left: 'm10 4-4 4 4 4',
  trash: 'M2.5 4.5h11M6 4.5v-2h4v2M4 4.5l.7 9h6.6l.7-9M6.7 7v4M9.3 7v4',
  edit: 'M3 13v-2.6L10.4 3 13 5.6 5.6 13ZM8.8 4.6l2.6 2.6',
  download: 'M8 2.5v7.5M4.8 7 8 10.2 11.2 7M3 13.5h10',
  upload: 'M8 10.5V3M4.8 6 8 2.8 11.2 6M3 13.5h10',
  stop: 'M4 4h8v8H4Z',
  play: 'M5 3v10l8-5Z',
  pause: 'M5 3v10M11 3v10',
  retry: 'M13 8a5 5 0 1 1-1.6-3.7M13 2v3h-3',
  columns: 'M2.5 3h11v10h-11ZM6.2 3v10M9.8 3v10',
  filter: 'M2.5 4h11M4.5 8h7M6.5 12h3',
  tag: 'M2.5 2.5h5l6 6-5 5-6-6ZM5.3 5.3h.01',
  link: 'M6.5 9.5 9.5 6.5M7 4.5l1.6-1.6a3.2 3.2 0 0 1 4.5 4.5L11.5 9M9 11.5l-1.6 1.6a3.2 3.2 0 0 1-4.5-4.5L4.5 7',
  external: 'M9 2.5h4.5V7M13.5 2.5 7.5 8.5M11.5 9v4.5h-9v-9H7',
  key: 'M5.5 7.5a3 3 0 1 0 0 6 3 3 0 0 0 0-6ZM7.7 8.3 13.5 2.5M11 5l2 2',
  lock: 'M3.5 7h9v6.5h-9ZM5.5 7V5a2.5 2.5 0 0 1 5 0v2',
  people:
    'M6 2.8a2.4 2.4 0 1 0 0 4.8 2.4 2.4 0 0 0 0-4.8ZM1.8 13.2c.3-2.4 2-3.8 4.2-3.8s3.9 1.4 4.2 3.8M10.5 3.2a2.2 2.2 0 0 1 0 4M12 9.7c1.3.5 2.1 1.7 2.3 3.5',
  flow: 'M2.5 2.5h4v4h-4ZM9.5 9.5h4v4h-4ZM6.5 4.5h3a2 2 0 0 1 2 2v3',
  chart: 'M2.5 2.5v11h11M5 10l2.5-3 2.5 1.5L13.5 4.5',
  clock: 'M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11ZM8 5v3.2l2.2 1.3',
  help: 'M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11ZM6.3 6.4c.2-1 .9-1.5 1.8-1.5 1 0 1.7.6 1.7 1.5 0 1.3-1.7 1.4-1.7 2.5M8 11h.01',
  keyboard: 'M1.5 4h13v8h-13ZM4 6.5h.01M6.7 6.5h.01M9.3 6.5h.01M12 6.5h.01M5 9.5h6',
  sun: 'M8 5.3a2.7 2.7 0 1 0 0 5.4 2.7 2.7 0 0 0 0-5.4ZM8 1.5v1.3M8 13.2v1.3M1.5 8h1.3M13.2 8h1.3M3.4 3.4l.9.9M11.7 11.7l.9.9M3.4 12.6l.9-.9M11.7 4.3l.9-.9',
  moon: 'M13 9.5A5.3 5.3 0 0 1 6.5 3a5.3 5.3 0 1 0 6.5 6.5Z',
  info: 'M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11ZM8 7.5v3.5M8 5h.01',
  warning: 'M8 2.5 14.3 13.5H1.7ZM8 6.5v3.2M8 11.6h.01',
  exit: 'M9.5 2.5h-7v11h7M6.5 8h7.5M11 5l3 3-3 3',
  image: 'M2.5 3h11v10h-11ZM2.5 11l3.2-3.5 2.6 2.7 1.9-1.9 3.3 3.2M10.3 6h.01',
} as const

export type IconName = keyof typeof paths

/** A small drawing beside a word; it is never all there is to read. */
export function Icon({ name, size = 16 }: { name: IconName; size?: number }): ReactNode {
  return (
    <svg
      viewBox="0 0 16 16"
      width={size}
      height={size}
      fill="none"
      stroke="currentColor"
      strokeWidth={name === 'more' ? 2 : 1.4}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      className="icon"
    >
      <path d={paths[name]} />
    </svg>
  )
}
