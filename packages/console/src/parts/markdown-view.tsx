import { Fragment, type ReactNode, useMemo } from 'react'
import { type Block, type Inline, parseMarkdown } from './markdown.ts'
import './markdown-view.css'

/** A note as it is meant to be read. It is drawn from its parts, so nothing in it can run. */
export function MarkdownView({ text }: { text: string }): ReactNode {
  const blocks = useMemo(() => parseMarkdown(text), [text])
  return (
    <div className="markdown" dir="auto">
      {blocks.map((block, place) => (
        <BlockView key={place} block={block} />
      ))}
    </div>
  )
}

function BlockView({ block }: { block: Block }): ReactNode {
  switch (block.is) {
    case 'heading': {
      // The page has a first heading of its own, and panels a second.
      const Heading = (['h3', 'h4', 'h5'] as const)[block.level - 1] ?? 'h5'
      return (
        <Heading>
          <Line content={block.content} />
        </Heading>
      )
    }
    case 'paragraph':
      return (
        <p>
          <Line content={block.content} />
        </p>
      )
    case 'quote':
      return (
        <blockquote>
          <Line content={block.content} />
        </blockquote>
      )
    case 'code':
      return <pre tabIndex={0}>{block.text}</pre>
    case 'list': {
      const List = block.ordered ? 'ol' : 'ul'
      return (
        <List>
          {block.items.map((item, place) => (
            <li key={place}>
              <Line content={item} />
            </li>
          ))}
        </List>
      )
    }
    case 'rule':
      return <hr />
    default:
      return block satisfies never
  }
}

function Line({ content }: { content: readonly Inline[] }): ReactNode {
  return content.map((piece, place) => <Fragment key={place}>{drawPiece(piece)}</Fragment>)
}

function drawPiece(piece: Inline): ReactNode {
  switch (piece.is) {
    case 'text':
      return piece.text
    case 'code':
      return <code>{piece.text}</code>
    case 'strong':
      return <strong>{piece.text}</strong>
    case 'emphasis':
      return <em>{piece.text}</em>
    case 'link':
      return (
        <a href={piece.href} target="_blank" rel="noopener noreferrer nofollow">
          {piece.text}
        </a>
      )
    default:
      return piece satisfies never
  }
}
