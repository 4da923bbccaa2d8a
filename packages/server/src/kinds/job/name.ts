import { randomInt } from 'node:crypto'

const adjectives =
  'amber bold brave bright calm clever cosmic crisp curly daring deep eager early easy fancy fast fluffy fresh gentle glad golden grand happy honest humble icy jolly keen kind lively lucky merry mighty misty modest neat nimble noble odd olive patient placid plucky polite proud quick quiet rapid rosy royal rustic shiny silent silver sleek smart snowy solid spry steady sunny swift tidy tiny vivid warm wavy wiggly wild wise witty zesty'.split(
    ' ',
  )

const nouns =
  'acorn badger beacon birch brook canyon cedar cliff cloud comet coral crane creek delta dune ember falcon fern field finch fjord forest fox garden geyser glacier grove harbor hare heron hill island ivy kestrel lagoon lake lantern larch lark lemur lynx maple meadow mesa moon moss nebula oak ocean orchid otter owl pebble pine planet pond prairie quartz quill rain raven reef ridge river robin sequoia shore sparrow spring spruce star stone stream summit swan thicket tide trail tundra valley walnut wave willow wolf wren'.split(
    ' ',
  )

/** A name for a job that was given none: easy to say and to tell apart, such as `wiggly-river-42`. */
export function friendlyName(): string {
  const pick = (words: string[]) => words[randomInt(words.length)]!
  return `${pick(adjectives)}-${pick(nouns)}-${randomInt(10, 100)}`
}
