import { expect, test } from 'vitest'
import { browserName } from './browser-name.ts'

test('names browsers as people do', () => {
  const windows = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)'
  expect(browserName(`${windows} Chrome/140.0.0.0 Safari/537.36`)).toBe('Chrome on Windows')
  expect(browserName(`${windows} Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0`)).toBe('Edge on Windows')
  expect(browserName('Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0')).toBe('Firefox on Linux')
  expect(browserName('Mozilla/5.0 (Macintosh; Intel Mac OS X 15_0) Version/18.0 Safari/605.1.15')).toBe(
    'Safari on macOS',
  )
  expect(browserName('curl/8.9.1')).toBe('curl')
  expect(browserName('something of its own')).toBe('something of its own')
  expect(browserName('')).toBe('Unknown browser')
})
