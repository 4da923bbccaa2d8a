import { buildConsole } from '../../../../tools/build-console.ts'

/** Builds the console once, before the files of tests that would each find it too old. */
export async function setup(): Promise<void> {
  await buildConsole({ ifOlder: true })
}
