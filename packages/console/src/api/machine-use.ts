import type { MachineUse } from '@nabla/api/metric'
import { useEffect, useState } from 'react'
import { plainClient } from './client.ts'
import { followStream } from './follow.ts'

/** What the machine does, as it was told since the page was opened: the newest last. */
export interface MachineWatch {
  latest: MachineUse | undefined
  ticks: readonly MachineUse[]
}

/** Ticks come every two seconds: an hour of them is kept. */
const mostTicks = 1800

/** Follows the machine while the component is shown. */
export function useMachine(): MachineWatch {
  const [ticks, setTicks] = useState<readonly MachineUse[]>([])
  useEffect(() => {
    const control = new AbortController()
    const take = (use: MachineUse) => setTicks((before) => [...before.slice(1 - mostTicks), use])
    // One that is refused for good shows nothing: the rest of the page says what is wrong.
    void followStream({
      open: (options) => plainClient.server.followMachine({}, options),
      take,
      signal: control.signal,
    }).catch(() => undefined)
    return () => control.abort()
  }, [])
  return { latest: ticks.at(-1), ticks }
}
