import { Button } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { type Output, useApi } from '../../api/query.ts'
import { formatCount, plural } from '../../parts/format.ts'
import { Icon } from '../../parts/icon.tsx'
import { PageHeader, Panel } from '../../parts/page-header.tsx'
import { EmptyState, LineRoom, Loaded, Together } from '../../parts/states.tsx'
import { EventLine } from '../event/event-line.tsx'
import { foldEvents } from '../event/fold-events.ts'
import { useEvents } from '../event/use-events.ts'
import { FailedPanel } from './failed-panel.tsx'
import { FirstVisit } from './first-visit.tsx'
import { MachineStrip, MachineTypesPanel } from './machine-strip.tsx'
import { QueuePanel } from './queue-panel.tsx'
import { RunningPanel } from './running-panel.tsx'
import './home.css'

type Counts = Output<'job', 'counts'>

/** What runs now, what failed lately, what waits and why, and what the machine does. */
export function HomePage(): ReactNode {
  const counts = useApi('job', 'counts', {})
  return (
    <>
      <PageHeader
        title="Home"
        actions={
          <Button component={Link} to="/jobs/new" variant="filled" leftSection={<Icon name="plus" size={14} />}>
            New job
          </Button>
        }
      />
      <div className="home">
        <HomeNow counts={counts.data} />
        <MachineStrip />
      </div>
      <Together>
        <Loaded query={counts}>
          {({ total }) => (
            <div className="home-columns">
              <div className="home-column">{total === 0 ? <FirstVisit /> : <Jobs />}</div>
              <div className="home-column">
                <MachineTypesPanel />
                <ActivityPanel />
              </div>
            </div>
          )}
        </Loaded>
      </Together>
    </>
  )
}

/** How many jobs run, wait and are there; room for it while that is not known. */
function HomeNow({ counts }: { counts: Counts | undefined }): ReactNode {
  return (
    <div className="home-now">
      <p className="home-hero">
        <span className="home-hero-number number">{counts ? formatCount(counts.byState.running) : <LineRoom />}</span>
        <span className="home-hero-word">jobs running</span>
      </p>
      <p className="muted number">
        {counts ? `${formatCount(counts.byState.pending)} waiting` : <LineRoom />}
        <br />
        {counts ? `${plural(counts.total, 'job')} in all` : <LineRoom />}
      </p>
    </div>
  )
}

function Jobs(): ReactNode {
  return (
    <>
      <RunningPanel />
      <FailedPanel />
      <QueuePanel />
    </>
  )
}

function ActivityPanel(): ReactNode {
  const { events, query } = useEvents({}, 100)
  return (
    <Panel title="Activity" actions={<Link to="/activity">All</Link>} flush>
      <Loaded query={{ ...query, data: events }} lines={4}>
        {(found) =>
          found.length === 0 ? (
            <EmptyState title="Nothing has happened yet." />
          ) : (
            <ul className="event-list">
              {foldEvents(found)
                .slice(0, 12)
                .map(({ event, times }) => (
                  <EventLine key={event.seq} event={event} times={times} />
                ))}
            </ul>
          )
        }
      </Loaded>
    </Panel>
  )
}
