import { SegmentedControl, useMantineColorScheme } from '@mantine/core'
import type { ReactNode } from 'react'
import { now } from '../../clock.ts'
import { formatTime } from '../../parts/format.ts'
import { prefer, type Preferences, usePreferences } from '../../parts/preferences.ts'
import { SectionHead, SettingsField } from './section.tsx'
import '@mantine/core/styles/FloatingIndicator.css'
import '@mantine/core/styles/SegmentedControl.css'

const themes = [
  { value: 'auto', label: 'As the system' },
  { value: 'light', label: 'Light' },
  { value: 'dark', label: 'Dark' },
]
const densities = [
  { value: 'comfortable', label: 'Comfortable' },
  { value: 'dense', label: 'Dense' },
]
const times = [
  { value: 'relative', label: '5 m ago' },
  { value: 'exact', label: 'Date and time' },
]
const zones = [
  { value: 'local', label: 'This browser’s' },
  { value: 'utc', label: 'UTC' },
]

/** How the console looks in this browser. */
export function AppearancePage(): ReactNode {
  const { colorScheme, setColorScheme } = useMantineColorScheme({ keepTransitions: true })
  const chosen = usePreferences()
  return (
    <>
      <SectionHead>Kept in this browser, for you alone.</SectionHead>
      <section className="panel" aria-label="Appearance">
        <SettingsField label="Theme" id="appearance-theme">
          <SegmentedControl
            aria-labelledby="appearance-theme"
            data={themes}
            value={colorScheme}
            onChange={(value) => setColorScheme(value as 'auto' | 'light' | 'dark')}
          />
        </SettingsField>
        <Choice label="Rows of tables" name="density" data={densities} value={chosen.density} />
        <Choice label="Times" about="The other one shows on hover." name="times" data={times} value={chosen.times} />
        <Choice
          label="Time zone"
          about={`Now it is ${formatTime(now())}.`}
          name="zone"
          data={zones}
          value={chosen.zone}
        />
      </section>
    </>
  )
}

function Choice(props: {
  label: string
  about?: string
  name: keyof Preferences
  data: { value: string; label: string }[]
  value: string
}): ReactNode {
  const { label, about, name, data, value } = props
  const id = `appearance-${name}`
  return (
    <SettingsField label={label} id={id} about={about}>
      <SegmentedControl aria-labelledby={id} data={data} value={value} onChange={(next) => prefer({ [name]: next })} />
    </SettingsField>
  )
}
