import { expect, test } from 'vitest'
import { loadConfig } from './config.ts'

test('every setting that is wrong, missing or unknown is named at once, with where settings come from', () => {
  const given = { prot: 1, port: '80', s3: { bukket: 'b' }, machineTypes: [{ name: 'small', cpus: 1 }] }
  expect(() => loadConfig(given, {})).toThrow(
    expect.objectContaining({
      code: 'invalid_settings',
      hint: expect.stringContaining('docs/reference/settings.md'),
      message: expect.stringMatching(
        /^(?=[^]*setting port is wrong)(?=[^]*no setting prot\.)(?=[^]*no setting s3\.bukket\.)(?=[^]*machineTypes\.0\.memoryBytes is wrong)/,
      ),
    }),
  )
})
