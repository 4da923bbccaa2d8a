import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import './tags.css'

/** Drawn in a row of a list; the others are on hover. */
const mostInList = 4

/** Tags in a row of a list: the first few. */
export function Tags({ tags }: { tags: readonly string[] }): ReactNode {
  if (tags.length === 0) return null
  return (
    <span className="tags" title={tags.join(', ')}>
      {tags.slice(0, mostInList).map((tag) => (
        <span key={tag} className="tag ellipsis" dir="auto">
          {tag}
        </span>
      ))}
      {tags.length > mostInList && <span className="faint">+{tags.length - mostInList}</span>}
    </span>
  )
}

/** All tags of what a page shows. Each leads to the list at `to` of what else has it. */
export function TagLinks({ tags, to }: { tags: readonly string[]; to: string }): ReactNode {
  if (tags.length === 0) return null
  return (
    <span className="tags tags-all">
      {tags.map((tag) => (
        <Link key={tag} to={to as never} search={{ tag } as never} className="tag ellipsis" dir="auto">
          {tag}
        </Link>
      ))}
    </span>
  )
}
