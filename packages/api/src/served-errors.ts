/** Errors at what tasks serve, and of what reaches into tasks: a part of the table in `errors.ts`. */
export const servedErrors = {
  not_signed_in_here: {
    status: 401,
    message: 'You are not signed in at this address.',
    hint: 'Open it from the console, or with `nabla job open`. A program sends an API key, or its token for this address, in `Authorization: Bearer`.',
  },
  not_same_origin: {
    status: 403,
    message: 'Only pages of this very address may ask for this with its cookie.',
    hint: 'Open the address itself. A program sends an API key or a token in `Authorization: Bearer`, and no cookie.',
  },
  not_served: {
    status: 404,
    message: 'Nothing is served at this address.',
    hint: 'Check the address: it may have been deleted, or belong to another team than the one you are signed in to.',
  },
  not_serving: {
    status: 503,
    message: 'There is no answer from {name}: {reason}.',
    hint: 'Start it, then load this page again.',
  },
  not_listening: {
    status: 503,
    message: 'It runs, but nothing listens on port {port} yet: {name}.',
    hint: 'Wait until it has started, and look into its log. It has to listen on 0.0.0.0 or 127.0.0.1.',
  },
  serving_failed: {
    status: 502,
    message: 'The answer of {name} broke off before it was whole.',
    hint: 'Look into its log, then try again.',
  },
  no_served_origin: {
    status: 409,
    message: 'This server has no address of its own at which your browser could open what a job serves.',
    hint: 'Use `nabla job forward`, or reach the server through an SSH tunnel at localhost. For everyone: set `proxyUrl` to a wildcard domain that leads here, such as https://*.apps.example.org.',
  },
  exec_failed: {
    status: 422,
    message: 'The program cannot be started in {name}: {reason}.',
    hint: 'Check its name, and that it is there: `nabla exec JOB -- ls /usr/bin`.',
  },
  exec_ended: {
    status: 404,
    message: 'That session has ended, or is not yours.',
    hint: 'Begin another one.',
  },
  no_port: {
    status: 404,
    message: 'There is no port {port} at {name}. Its ports: {ports}.',
    hint: 'Name the ports that a command listens on when it is submitted: `nabla run --port {port} …`.',
  },
  no_upgrade: {
    status: 426,
    message: 'This address is for WebSockets only.',
    hint: 'Ask for a WebSocket. If the program did, a proxy in between drops that: docs/guide/running-the-server.md has the lines for nginx.',
  },
} as const
