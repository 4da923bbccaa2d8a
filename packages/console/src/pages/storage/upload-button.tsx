import { Button, Menu } from '@mantine/core'
import { type ReactNode, useRef } from 'react'
import { Icon } from '../../parts/icon.tsx'
import { quote } from '../../parts/quote.ts'
import { readChosen } from './dropped.ts'
import { useOffer } from './upload-target.tsx'

/** Chooses files, or a folder with all below it, to be put here. */
export function UploadButton({ folder }: { folder: string }): ReactNode {
  const offer = useOffer()
  const files = useRef<HTMLInputElement>(null)
  const tree = useRef<HTMLInputElement>(null)
  const to = folder === '' ? '' : ` --to ${quote(`${folder}/`)}`
  const take = ({ currentTarget }: { currentTarget: HTMLInputElement }) => {
    void offer(readChosen(currentTarget.files), folder)
    currentTarget.value = ''
  }
  return (
    <>
      <Menu>
        <Menu.Target>
          <Button variant="filled" leftSection={<Icon name="upload" size={14} />}>
            Upload
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={() => files.current?.click()} title={`nabla storage put FILE${to}`}>
            Files
          </Menu.Item>
          <Menu.Item onClick={() => tree.current?.click()} title={`nabla storage put -r FOLDER${to}`}>
            A folder
          </Menu.Item>
          <Menu.Label>Or drop them onto the page</Menu.Label>
        </Menu.Dropdown>
      </Menu>
      <input ref={files} type="file" multiple hidden aria-label="Files to upload" onChange={take} />
      <input
        ref={(element) => {
          tree.current = element
          element?.setAttribute('webkitdirectory', '')
        }}
        type="file"
        multiple
        hidden
        aria-label="Folder to upload"
        onChange={take}
      />
    </>
  )
}
