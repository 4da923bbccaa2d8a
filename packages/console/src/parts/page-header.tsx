import { Link } from '@tanstack/react-router'
import { Fragment, type ReactNode, useEffect } from 'react'
import './page.css'

export interface Crumb {
  label: string
  /** An address of the console, such as `/projects`. */
  to: string
}

export interface PageHeaderProps {
  title: string
  /** Where this page is, from the top; the page itself is added. */
  crumbs?: readonly Crumb[]
  /** Beside the title: a `StateBadge`, a count. */
  badge?: ReactNode
  /** At the right, the main one last. */
  actions?: ReactNode
  /** Facts below the title, in one line. */
  children?: ReactNode
}

/** The top of every page: where one is, what it is, is it well, what one can do. Names the tab of the browser too. */
export function PageHeader({ title, crumbs = [], badge, actions, children }: PageHeaderProps): ReactNode {
  useEffect(() => {
    document.title = `${[title, ...crumbs.map(({ label }) => label).toReversed()].join(' · ')} · Nabla`
  }, [title, crumbs])
  return (
    <header className="page-header">
      {crumbs.length > 0 && (
        <nav aria-label="Breadcrumbs" className="crumbs">
          {crumbs.map(({ label, to }) => (
            <Fragment key={to}>
              <Link to={to as never} className="ellipsis">
                {label}
              </Link>
              <span aria-hidden="true">/</span>
            </Fragment>
          ))}
          <span aria-current="page" className="ellipsis">
            {title}
          </span>
        </nav>
      )}
      <div className="page-title">
        <h1 dir="auto" title={title} className="ellipsis" tabIndex={-1}>
          {title}
        </h1>
        {badge}
        <div className="grow" />
        {actions && <div className="page-actions">{actions}</div>}
      </div>
      {children && <div className="page-facts">{children}</div>}
    </header>
  )
}

/** A block of a page with a title line; actions stand at its right. */
export function Panel(props: { title: string; actions?: ReactNode; children: ReactNode; flush?: boolean }): ReactNode {
  return (
    <section className="panel" aria-label={props.title}>
      <div className="panel-title">
        <h2 className="ellipsis">{props.title}</h2>
        <div className="grow" />
        {props.actions}
      </div>
      <div className={props.flush ? undefined : 'panel-body'}>{props.children}</div>
    </section>
  )
}

/** Names and values, one below the other: `[['id', <CopyId …/>]]`. */
export function Facts({ facts }: { facts: readonly (readonly [string, ReactNode])[] }): ReactNode {
  return (
    <dl className="facts">
      {facts.map(([name, value]) => (
        <Fragment key={name}>
          <dt>{name}</dt>
          <dd dir="auto">{value}</dd>
        </Fragment>
      ))}
    </dl>
  )
}

/** Two parts side by side, one below the other on a phone; the first is as wide as said. */
export function SplitView(props: { side: ReactNode; children: ReactNode; width?: number; label: string }): ReactNode {
  return (
    <div className="split" style={{ '--split': `${props.width ?? 280}px` } as React.CSSProperties}>
      <aside aria-label={props.label} className="split-side">
        {props.side}
      </aside>
      <div className="split-main">{props.children}</div>
    </div>
  )
}
