import { limits } from '../../lib/limits.ts'

/** A step of a Dockerfile, as Docker (`Step 2/4 : RUN x`) and Podman (`STEP 2/4: RUN x`) tell of it. */
const stepForm = /^step (\d+\/\d+) ?: (.*)$/i
const stageForm = /^\[(\d+\/\d+)\] (step \d+\/\d+ ?: .*)$/i
const cachedForm = /^\s*-+> Using cache/
/** Ids of layers that were just made. */
const idForm = /^\s*-+> [0-9a-f]{6,}$/

/** Puts what a build writes together into lines, and keeps count of its steps. */
export class BuildLog {
  readonly #say: (line: string) => void
  #rest = ''
  #step: string | null = null
  steps = 0
  cached = 0

  constructor(say: (line: string) => void) {
    this.#say = say
  }

  take(text: string): void {
    const lines = (this.#rest + text).split(/\r\n|\n|\r/)
    this.#rest = lines.pop() ?? ''
    for (const line of lines) this.#line(line)
    if (this.#rest.length > limits.buildLineBytes) this.end()
  }

  /** Nothing more comes. */
  end(): void {
    if (this.#rest !== '') this.#line(this.#rest)
    this.#rest = ''
  }

  /** `step 3/5, RUN pip install .`; null before the first one. */
  get step(): string | null {
    return this.#step
  }

  #line(line: string): void {
    const [, , ofStage] = stageForm.exec(line) ?? []
    const [, number, what] = stepForm.exec(ofStage ?? line) ?? []
    if (number !== undefined && what !== undefined) {
      this.steps += 1
      this.#step = `step ${number}, ${what.slice(0, 200)}`
    }
    if (cachedForm.test(line)) this.cached += 1
    if (line.trim() !== '' && !idForm.test(line)) this.#say(line)
  }
}
