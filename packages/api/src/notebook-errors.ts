/** Errors of notebooks: a part of the table of all errors. */
export const notebookErrors = {
  bad_notebook: {
    status: 422,
    message: 'The file {path} cannot be read as a notebook: {reason}.',
    hint: 'Download it and mend it, or take it from an earlier version: `nabla notebook versions NAME`.',
  },
  notebook_too_large: {
    status: 422,
    message: 'The file {path} has {size}, which is more than can be shown ({most}).',
    hint: 'Clear its outputs in Jupyter, or download it: `nabla notebook get NAME {path}`.',
  },
} as const
