import type { ReactNode } from 'react'
import { parseAnsi } from './ansi.ts'
import './ansi.css'

/** Output of a program, with its colours. */
export function AnsiText({ text }: { text: string }): ReactNode {
  return text.split('\n').map((line, place) => (
    <div key={place}>
      {parseAnsi(line).map(({ text, className }, index) => (
        <span key={index} className={className}>
          {text}
        </span>
      ))}
      {line === '' && ' '}
    </div>
  ))
}
