/** Errors of models: a part of the table of all errors. */
export const modelErrors = {
  unknown_model_version: {
    status: 404,
    message: 'The model {model} has no {version}.',
    hint: 'Run `nabla model versions {model}` to see what there is.',
  },
  model_not_allowed: {
    status: 409,
    message: 'The project {project} does not allow the model {reference}: {reason}.',
    hint: 'Use another version, sign this one with `nabla model sign`, or ask an admin to change the rule of the project.',
  },
  bad_signature: {
    status: 422,
    message: 'The signature does not hold for {reference} and the key {key}.',
    hint: 'Sign the digest of this very version with the private half of that key: `nabla model sign`.',
  },
  bad_model: {
    status: 422,
    message: 'The file {path} cannot be read as a model: {reason}.',
    hint: 'Make it again with the program that wrote it; until then its version cannot be used.',
  },
} as const
