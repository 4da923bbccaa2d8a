import type { ReactNode } from 'react'
import { useApi } from '../../api/query.ts'
import { RelativeTime } from '../../parts/amount.tsx'
import { CommandLine, CopyId } from '../../parts/copy.tsx'
import { Facts, Panel } from '../../parts/page-header.tsx'
import { Loaded } from '../../parts/states.tsx'
import { PasswordForm } from './password-form.tsx'
import { Rename } from './rename-form.tsx'
import { SessionList } from './session-list.tsx'

/** Who one is here, one's password, and where one is signed in. */
export function AccountPage(): ReactNode {
  const me = useApi('user', 'me', {})
  return (
    <Loaded query={me}>
      {({ user, team, role, key, session, hasPassword }) => (
        <>
          <Panel title="You" actions={<Rename name={user.name} />}>
            <div className="stack">
              <Facts
                facts={[
                  ['Name', user.name],
                  ['Id', <CopyId key="id" value={user.id} />],
                  ['Team', `${team.name}, ${role}`],
                  ['Signed in with', key === null ? 'a password' : `the key “${key.name}”`],
                  ['Until', <RelativeTime key="until" time={session?.expiresAt} />],
                  ['Since', <RelativeTime key="since" time={user.createdAt} />],
                ]}
              />
              <CommandLine line="whoami" />
            </div>
          </Panel>
          <PasswordForm name={user.name} hasPassword={hasPassword} />
          <SessionList />
        </>
      )}
    </Loaded>
  )
}
