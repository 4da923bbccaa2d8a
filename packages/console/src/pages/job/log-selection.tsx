import { ActionIcon, Button } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import { client } from '../../api/client.ts'
import { useAction } from '../../parts/action.ts'
import { copyText } from '../../parts/copy.tsx'
import { formatCount, plural } from '../../parts/format.ts'
import { Icon } from '../../parts/icon.tsx'
import { stripAnsi } from '../../parts/ansi.ts'

/** More lines than this are not copied at once. */
const mostCopied = 10_000

/** What can be done with the lines that are picked: their text, or a link to them. */
export function SelectionBar(props: {
  job: string
  selection: readonly [number, number]
  onClear: () => void
}): ReactNode {
  const { job, selection, onClear } = props
  const [first, last] = selection
  const count = last - first + 1
  const [linked, setLinked] = useState(false)
  const copy = useAction({
    run: async () => copyText(await readText(job, first, Math.min(count, mostCopied))),
    done: (copied) =>
      copied ? `Copied ${plural(Math.min(count, mostCopied), 'line')}` : 'The browser did not allow it',
  })
  return (
    <div className="log-selection">
      <span className="number">{count === 1 ? `Line ${formatCount(first)}` : plural(count, 'line')}</span>
      <Button size="compact-xs" loading={copy.pending} onClick={() => void copy.run(undefined)}>
        Copy text
      </Button>
      <Button size="compact-xs" onClick={() => void copyText(location.href).then(setLinked)}>
        {linked ? 'Copied' : 'Copy link'}
      </Button>
      <ActionIcon size={22} aria-label="Pick no line" onClick={onClear}>
        <Icon name="close" size={12} />
      </ActionIcon>
    </div>
  )
}

async function readText(job: string, first: number, count: number): Promise<string> {
  const texts: string[] = []
  for (let after = first - 1; texts.length < count;) {
    const { items, next } = await client.job.logs({ job, after, limit: count - texts.length })
    if (items.length === 0) break
    for (const { text } of items) texts.push(stripAnsi(text))
    after = next
  }
  return `${texts.join('\n')}\n`
}
