import { version as ownVersion } from '@nabla/api'
import type { ReactNode } from 'react'
import { useApi } from '../../api/query.ts'
import { CopyId } from '../../parts/copy.tsx'
import { Facts, Panel } from '../../parts/page-header.tsx'
import { Loaded } from '../../parts/states.tsx'
import { Icon } from '../../parts/icon.tsx'

const links = [
  { href: '/docs', label: 'API reference', about: 'Every route, with examples' },
  { href: '/openapi.json', label: 'OpenAPI 3.1', about: 'The same, for tools' },
  { href: '/metrics', label: 'Figures', about: 'Of the server, as Prometheus reads them' },
]

/** Which version runs, and where its reference is. */
export function AboutPage(): ReactNode {
  const live = useApi('server', 'live', {})
  const address = window.location.origin
  return (
    <>
      <Panel title="Nabla">
        <Loaded query={live} lines={3}>
          {({ version }) => (
            <Facts
              facts={[
                ['Server', version],
                ['Console', ownVersion === version ? ownVersion : `${ownVersion}: reload this page for ${version}`],
                ['Address', <CopyId key="address" value={address} />],
                ['Licence', 'Apache 2.0'],
              ]}
            />
          )}
        </Loaded>
      </Panel>
      <Panel title="Reference">
        <Facts
          facts={links.map(({ href, label, about }) => [
            label,
            <a key={href} href={href} target="_blank" rel="noreferrer">
              {about} <Icon name="external" size={12} />
            </a>,
          ])}
        />
      </Panel>
    </>
  )
}
