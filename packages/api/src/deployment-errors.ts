/** Errors of deployments and of the gateway in front of them: a part of the table in `errors.ts`. */
export const deploymentErrors = {
  bad_deployment: {
    status: 400,
    message: 'This deployment cannot be: {reason}.',
    hint: '{fix}',
  },
  no_instance: {
    status: 503,
    message: 'No instance of {name} is ready: {reason}.',
    hint: 'Try again in a moment. `nabla deployment show {name}` and `nabla deployment logs {name}` say more.',
  },
  instance_busy: {
    status: 503,
    message: 'All instances of {name} are busy, and {queued} requests wait already.',
    hint: 'Try again later, or let there be more instances: `nabla deployment scale {name} N`.',
  },
  rate_exceeded: {
    status: 429,
    message: 'You have sent more than {rate} requests per second to {name}.',
    hint: 'Send fewer, or raise `bounds.rate` of the deployment.',
  },
  instance_timeout: {
    status: 504,
    message: 'No answer of {name} began within {seconds} s.',
    hint: 'Look into its log, or raise `bounds.timeoutSeconds`.',
  },
  deployment_login: {
    status: 401,
    message: 'A request to {name} needs an API key of its team, or its name and password.',
    hint: 'Send `Authorization: Bearer KEY`, or `X-API-Key`.',
  },
  gateway_alone: {
    status: 503,
    message: 'This gateway cannot ask the server who the key speaks for: the server is away.',
    hint: 'Try again when it is there: keys that were used here before go on. `nabla up` starts it.',
  },
} as const
