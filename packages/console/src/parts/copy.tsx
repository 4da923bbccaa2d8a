import { UnstyledButton } from '@mantine/core'
import { type ReactNode, useEffect, useState } from 'react'
import { Icon } from './icon.tsx'
import './copy.css'

/** An id, or another short text, that is copied with one click. */
export function CopyId({ value, label = value }: { value: string; label?: string }): ReactNode {
  const [copied, copy] = useCopy(value)
  return (
    <UnstyledButton className="copy-id mono" onClick={copy} title={`Copy ${value}`} aria-label={`Copy ${value}`}>
      <span className="ellipsis">{label}</span>
      <Icon name={copied ? 'check' : 'copy'} size={12} />
      <span className="only-heard" aria-live="polite">
        {copied ? 'Copied' : ''}
      </span>
    </UnstyledButton>
  )
}

/** The line of the CLI that does the same, to copy. `line` is written without `nabla`. */
export function CommandLine({ line, label = 'Command line' }: { line: string; label?: string }): ReactNode {
  return <CopyText value={`nabla ${line}`} label={label} button="Copy the command" prompt />
}

/** A text to copy whole: a key, a line of a shell. */
export function CopyText(props: { value: string; label: string; button?: string; prompt?: boolean }): ReactNode {
  const { value, label, button = 'Copy', prompt = false } = props
  const [copied, copy] = useCopy(value)
  return (
    <div className="command-line" role="group" aria-label={label}>
      <code>
        {prompt && (
          <span className="faint" aria-hidden="true">
            ${' '}
          </span>
        )}
        <UnbrokenWords text={value} />
      </code>
      <UnstyledButton onClick={copy} aria-label={copied ? 'Copied' : button} className="icon-button">
        <Icon name={copied ? 'check' : 'copy'} size={14} />
      </UnstyledButton>
    </div>
  )
}

/** A line of a shell that is folded between its words alone: browsers fold `--name` after each dash. */
export function UnbrokenWords({ text }: { text: string }): ReactNode {
  return text.split(/(\s+)/).map((word, place) =>
    word.includes('-') ? (
      <span key={place} className="unbroken">
        {word}
      </span>
    ) : (
      word
    ),
  )
}

/** Whether it was copied just now, and what copies it. */
export function useCopy(text: string): [boolean, () => void] {
  const [copied, setCopied] = useState(false)
  useEffect(() => {
    if (!copied) return
    const timer = setTimeout(() => setCopied(false), 1500)
    return () => clearTimeout(timer)
  }, [copied])
  return [copied, () => void copyText(text).then(setCopied)]
}

/** Puts a text onto the clipboard; false if the browser does not allow it. Pages that came by plain HTTP have no clipboard to write to, so there is the old way too. */
export async function copyText(text: string): Promise<boolean> {
  try {
    if (navigator.clipboard) {
      await navigator.clipboard.writeText(text)
      return true
    }
  } catch {
    // Not allowed: the old way asks nobody.
  }
  const field = document.createElement('textarea')
  field.value = text
  field.style.position = 'fixed'
  field.style.opacity = '0'
  const host = document.querySelector('[role=dialog]') ?? document.body
  host.append(field)
  field.select()
  const copied = document.execCommand('copy')
  field.remove()
  return copied
}
