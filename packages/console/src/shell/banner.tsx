import { Button } from '@mantine/core'
import type { ReactNode } from 'react'
import { retryLive, useLiveState } from '../api/live.ts'
import { now } from '../clock.ts'
import { useTick } from '../parts/amount.tsx'
import { Icon } from '../parts/icon.tsx'

/** Says that the server cannot be reached, and when it is tried again; what is on the page stays. */
export function Banner(): ReactNode {
  const live = useLiveState()
  const offline = live.is === 'offline'
  useTick(offline ? 500 : null)
  return (
    <>
      <div role="status" className="only-heard">
        {offline ? 'The connection to the server is lost.' : ''}
      </div>
      {offline && (
        <div className="banner">
          <Icon name="warning" />
          <span className="grow number">
            Offline, trying again in {Math.max(0, Math.ceil((live.retryAt - now()) / 1000))} s. What you see may be old.
          </span>
          <Button size="compact-xs" onClick={retryLive}>
            Try now
          </Button>
        </div>
      )}
    </>
  )
}
