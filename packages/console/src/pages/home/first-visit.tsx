import { Button } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { CommandLine, CopyText } from '../../parts/copy.tsx'
import { Icon } from '../../parts/icon.tsx'
import { Panel } from '../../parts/page-header.tsx'

/** What one sees before the first job: how to get there. */
export function FirstVisit(): ReactNode {
  return (
    <Panel title="Your first job">
      <ol className="first-visit">
        <li>
          <p>In a copy of Nabla’s own folder: put the command line on your machine.</p>
          <CopyText value="npm ci && npm link" label="Command to install" button="Copy the command" prompt />
        </li>
        <li>
          <p>
            Log in to this server. It asks for a key; <Link to="/settings/keys">make one in the settings</Link>.
          </p>
          <CommandLine line={`login --url ${window.location.origin}`} />
        </li>
        <li>
          <p>In the folder of your code: upload it, run it, watch it.</p>
          <CommandLine line="run -- python main.py" />
        </li>
        <li>
          <p>
            Or try an example: a small classifier, in <code>examples/digits</code>.
          </p>
          <CommandLine line="run -- python train.py --epochs 5" />
        </li>
      </ol>
      <div className="row first-visit-or">
        <span className="muted">Or without a command line:</span>
        <Button component={Link} to="/jobs/new" variant="filled" leftSection={<Icon name="upload" size={14} />}>
          Make a job here
        </Button>
      </div>
    </Panel>
  )
}
