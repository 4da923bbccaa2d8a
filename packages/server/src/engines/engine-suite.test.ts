import { engineSuite } from './engine-suite.ts'
import { isRoot, makeBench } from './process/test-bench.ts'

if (isRoot) {
  engineSuite('process, as root', () => makeBench('root'))
  engineSuite('process, as a normal user', () => makeBench('user'))
} else {
  engineSuite('process, as this user', () => makeBench('root'))
}
